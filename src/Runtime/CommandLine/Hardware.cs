using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>What the processor can do, for choosing among models that differ only in what they ask of it.</summary>
public static class Hardware
{
    /// <summary>Whether the CPU multiplies bf16 natively (AVX512-BF16 or AMX-BF16); elsewhere bf16 is emulated and slower than fp32.</summary>
    public static bool HasBf16 { get; } = DetectBf16();

    /// <summary>
    /// The kind of processor: on x86 family, model and stepping as CPUID gives them (leaf 1, EAX), elsewhere the architecture. What was measured on one kind says nothing of another.
    /// </summary>
    internal static string Processor { get; } = X86Base.IsSupported
        ? $"x86-{X86Base.CpuId(1, 0).Eax:x8}"
        : RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    // .NET says whether the operating system saves AVX-512 registers; the two extensions it does not know.
    // Leaf 7: subleaf 0, EDX bit 22 is AMX-BF16; subleaf 1, EAX bit 5 is AVX512-BF16 (Intel SDM, volume 2A, CPUID).
    private static bool DetectBf16() =>
        Avx512BW.IsSupported
        && ((X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0 || (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0);
}
