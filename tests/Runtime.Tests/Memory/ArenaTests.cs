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

    [Fact]
    public void HalvesOfRowsLieInTheirWhole()
    {
        using var arena = new Arena(1024, CPU);
        var whole = arena.View(0, ScalarType.Float32, 6, 5);
        whole.copy_(arange(30).view(6, 5));
        var halves = arena.Halves(whole);
        Assert.Equal([0f, 15f], halves.Select(half => half[0, 0].item<float>()));
        halves[1].fill_(-1);
        Assert.Equal(14, whole[2, 4].item<float>());
        Assert.Equal(-15, whole.narrow(0, 3, 3).sum().item<float>());
        Assert.Contains("no two halves", Assert.Throws<ArgumentException>(() => arena.Halves(whole.narrow(0, 0, 3))).Message, StringComparison.Ordinal);
    }
}
