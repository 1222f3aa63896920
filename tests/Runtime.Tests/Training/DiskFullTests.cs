using System.Diagnostics;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class DiskFullTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly StringWriter _error = new() { NewLine = "\n" };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_disk_without_room_ends_the_run_cleanly_and_it_goes_on_when_there_is_some()
    {
        Assert.Equal(ModelProgram.Done, Run("whole"));
        using var disk = SmallDisk.Mount(_folder["disk"], "size=500k");
        Assert.SkipWhen(disk is null, "This user may not mount a small file system.");

        Assert.Equal(ModelProgram.Failed, Run("disk"));
        Assert.Matches(
            @"^error: The disk is full: '.*step-\d{6}\.safetensors' needs [\d,]+ bytes and [\d,]+ are free\. Earlier files are as they were\. Free some space, or write to another disk\.\n$",
            _error.ToString());
        Assert.Empty(Directory.GetFiles(_folder["disk"], "*.tmp"));
        var before = RunFolder.Checkpoints(_folder["disk"]);
        Assert.NotEmpty(before);
        Assert.All(before, checkpoint => Assert.Equal(checkpoint.Step, ModelCheckpoint.ReadState(checkpoint.Path, Killed.Definition).Step));

        disk.Grow("size=4m");
        Assert.Equal(ModelProgram.Done, Run("disk", "--resume"));
        Assert.Equal(
            File.ReadAllBytes(RunFolder.LastPath(_folder["whole"])!), File.ReadAllBytes(RunFolder.LastPath(_folder["disk"])!));
    }

    /// <summary>Also where it is the number of files that has run out, at each of those that a run makes.</summary>
    [Fact]
    public void A_disk_without_room_for_a_file_ends_the_run_cleanly()
    {
        for (var files = 1; ; files++)
        {
            using var disk = SmallDisk.Mount(_folder[$"disk-{files}"], $"nr_inodes={files}");
            Assert.SkipWhen(disk is null, "This user may not mount a small file system.");
            if (Run($"disk-{files}") == ModelProgram.Done)
                break;
        }

        var errors = _error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(errors, error => Assert.StartsWith("error: The disk is full: '", error));
        foreach (var file in new[] { "run.lock", "metrics.csv", "events.out.tfevents", "step-000000.safetensors" })
            Assert.Contains(errors, error => error.Contains(file));
    }

    [Fact]
    public void A_writer_that_finds_the_disk_full_leaves_the_file_before()
    {
        var path = _folder["file.bin"];
        AtomicFile.WriteText(path, "old");
        var full = OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;
        var error = Assert.Throws<DiskFullException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half of"u8);
            throw new IOException("No space left on device", full);
        }));
        Assert.Contains($"The disk is full: '{path}' needs", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    private int Run(string name, params string[] more) => ModelProgram.Run<Killed>(
        ["--data", _folder.Text, "--steps", "60", "--tokens", "1", "--output", _folder[name], .. more],
        new ProgramOutput(TextWriter.Null, _error, null),
        default);

    /// <summary>A file system in memory, where the user may mount one.</summary>
    private sealed class SmallDisk : IDisposable
    {
        private readonly string _path;

        private SmallDisk(string path) => _path = path;

        public static SmallDisk? Mount(string path, string options)
        {
            Directory.CreateDirectory(path);
            return OperatingSystem.IsLinux() && Call("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) ? new SmallDisk(path) : null;
        }

        public void Grow(string options) => Assert.True(Call("mount", "-o", $"remount,{options}", _path));

        public void Dispose() => Call("umount", _path);

        private static bool Call(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
    }
}
