using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training.Records;

public sealed class RecordFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A file system may find only at a later call that there is no room for what was written.</summary>
    [Theory]
    [InlineData("open", 0)]
    [InlineData("cut", 0)]
    [InlineData("write", 5)]
    [InlineData("flush", 5)]
    public void A_full_disk_is_told_whichever_call_finds_it(string call, int bytes)
    {
        var path = _folder["metrics.csv"];
        var error = Assert.Throws<DiskFullException>(() =>
        {
            using var file = new RecordFile(path, opened => call == "open" ? throw Full() : new FullFile(opened, call));
            file.Cut(0);
            file.Write("12345"u8);
            file.Flush();
        });
        Assert.StartsWith($"The disk is full: '{path}' needs {bytes} bytes", error.Message);
    }

    private static IOException Full() => new("No space left on device", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28);

    private sealed class FullFile(string path, string call) : FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 0)
    {
        public override void SetLength(long value)
        {
            if (call == "cut")
                throw Full();
            base.SetLength(value);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (call == "write")
                throw Full();
            base.Write(buffer);
        }

        public override void Flush(bool flushToDisk)
        {
            if (call == "flush" && flushToDisk)
                throw Full();
            base.Flush(flushToDisk);
        }
    }
}
