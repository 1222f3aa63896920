using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.CommandLine;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.CommandLine;

public sealed class HardwareAdviceTests
{
    [Theory]
    [InlineData(Precision.Bf16, DeviceType.CPU, true, "no bf16 products")]
    [InlineData(Precision.Bf16, DeviceType.CPU, false, null)]
    [InlineData(Precision.Bf16, DeviceType.CUDA, true, null)]
    [InlineData(Precision.Fp16, DeviceType.CPU, false, "fp16 saves memory")]
    [InlineData(Precision.Fp16, DeviceType.CUDA, false, null)]
    [InlineData(Precision.Fp32, DeviceType.CPU, true, null)]
    public void A_compute_type_that_saves_no_time_here(Precision compute, DeviceType device, bool slowBf16, string? said)
    {
        var advice = HardwareAdvice.OfTraining(compute, device, slowBf16);
        if (said is null) Assert.Null(advice);
        else Assert.Contains(said, advice);
    }

    [Theory]
    [InlineData(Precision.Bf16, DeviceType.CPU, true, "no bf16 products")]
    [InlineData(Precision.Bf16, DeviceType.CPU, false, null)]
    [InlineData(Precision.Fp16, DeviceType.CPU, false, "no fp16 products")]
    [InlineData(Precision.Fp16, DeviceType.CUDA, true, null)]
    [InlineData(null, DeviceType.CPU, true, null)]
    public void A_precision_of_scores_that_saves_no_time_here(Precision? scores, DeviceType device, bool slowBf16, string? said)
    {
        var advice = HardwareAdvice.OfScores(scores, device, slowBf16);
        if (said is null) Assert.Null(advice);
        else Assert.Contains(said, advice);
    }

    [Theory]
    [InlineData("int4, groups of 32, nearest", 8, "int4 are fast for up to 4 tokens at a time, and here are 8")]
    [InlineData("int4, groups of 32, nearest", 4, null)]
    [InlineData("int2, groups of 32, hqq", 5, "int2 are fast")]
    [InlineData("int8, nearest", 8, null)]
    [InlineData("fp32", 8, null)]
    public void Few_bits_for_many_sequences(string quantization, int sequences, string? said)
    {
        var advice = HardwareAdvice.OfBatch(quantization, sequences);
        if (said is null) Assert.Null(advice);
        else Assert.Contains(said, advice);
    }
}
