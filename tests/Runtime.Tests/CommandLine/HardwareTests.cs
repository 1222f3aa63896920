using System.Globalization;
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

    [Fact]
    public void The_processor_is_that_of_the_kernel()
    {
        if (!File.Exists("/proc/cpuinfo") || !Hardware.Processor.StartsWith("x86-", StringComparison.Ordinal))
            Assert.Skip("The oracle is Linux's /proc/cpuinfo on x86.");
        int Of(string name) => int.Parse(File.ReadLines("/proc/cpuinfo").First(line => line.Split('\t')[0] == name).Split(':')[1], CultureInfo.InvariantCulture);
        var signature = Convert.ToUInt32(Hardware.Processor["x86-".Length..], 16);
        var family = (signature >> 8) & 0xF;
        Assert.Equal(Of("cpu family"), (int)(family + (family == 0xF ? (signature >> 20) & 0xFF : 0)));
        Assert.Equal(Of("model"), (int)(((signature >> 4) & 0xF) | (((signature >> 16) & 0xF) << 4)));
        Assert.Equal(Of("stepping"), (int)(signature & 0xF));
    }
}
