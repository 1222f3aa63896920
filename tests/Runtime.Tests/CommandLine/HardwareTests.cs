using ModelCompiler.Runtime.CommandLine;

namespace ModelCompiler.Runtime.Tests.CommandLine;

public sealed class HardwareTests
{
    [Fact]
    public void Bf16_is_found_where_the_kernel_finds_it()
    {
        if (!File.Exists("/proc/cpuinfo"))
            Assert.Skip("The oracle is Linux's /proc/cpuinfo.");
        var flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];
        Assert.Equal(flags.Contains("avx512_bf16") || flags.Contains("amx_bf16"), Hardware.HasBf16);
    }
}
