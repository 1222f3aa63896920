using ModelCompiler.Runtime.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class ArenaTests
{
    [Fact]
    public void ViewsShareTheBufferAndTellHowFarItIsUsed()
    {
        using var arena = new Arena(1024, CPU);
        var wide = arena.View(64, ScalarType.Float32, 4, 8);
        var narrow = arena.View(64, ScalarType.BFloat16, 2, 4, 8);
        var scalar = arena.View(512, ScalarType.Float32);
        Assert.Equal([4, 8], wide.shape);
        Assert.Equal([2, 4, 8], narrow.shape);
        Assert.Empty(scalar.shape);
        Assert.Equal(516, arena.HighWaterMark);
        Assert.Equal(1024, arena.Bytes);
        wide.fill_(0);
        narrow.fill_(1);
        // Two bf16 ones side by side, read as one fp32.
        Assert.Equal(BitConverter.UInt32BitsToSingle(0x3F803F80), wide[3, 7].item<float>());
    }

    [Theory]
    [InlineData(0, 257, "ends at 1028")]
    [InlineData(960, 17, "outside the arena of 1024 bytes")]
    [InlineData(-64, 1, "outside the arena")]
    [InlineData(8, 1, "not a multiple of 64")]
    public void APlaceThatDoesNotFitThrows(long offset, long length, string message)
    {
        using var arena = new Arena(1024, CPU);
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => arena.View(offset, ScalarType.Float32, length)).Message, StringComparison.Ordinal);
        Assert.Equal(0, arena.HighWaterMark);
    }
}
