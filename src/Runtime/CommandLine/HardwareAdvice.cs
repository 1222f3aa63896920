using System.Runtime.Intrinsics.X86;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>What a model asks of a machine that this one is slow at. It is said when a command starts, and changes nothing.</summary>
internal static class HardwareAdvice
{
    private static bool EmulatesBf16 => X86Base.IsSupported && !Hardware.HasBf16;

    /// <summary>Of training, where the compute type saves no time.</summary>
    public static string? OfTraining(Precision compute, DeviceType device) => OfTraining(compute, device, EmulatesBf16);

    /// <param name="slowBf16">Whether the processor is known to emulate bf16.</param>
    internal static string? OfTraining(Precision compute, DeviceType device, bool slowBf16) => (device, compute) switch
    {
        (DeviceType.CPU, Precision.Bf16) when slowBf16 =>
            "advice: this processor has no bf16 products (AVX512-BF16 or AMX), so bf16 saves memory here and no time. Declare precision: fp32 if that fits into memory.",
        (DeviceType.CPU, Precision.Fp16) =>
            "advice: fp16 saves memory on a processor and no time; it is for GPUs. Declare precision: bf16 where the processor has it, or fp32.",
        _ => null,
    };

    /// <summary>Of a subset that is scored in a precision that saves no time.</summary>
    public static string? OfScores(Precision? scores, DeviceType device) => OfScores(scores, device, EmulatesBf16);

    /// <param name="slowBf16">Whether the processor is known to emulate bf16.</param>
    internal static string? OfScores(Precision? scores, DeviceType device, bool slowBf16) =>
        device == DeviceType.CPU && (scores == Precision.Fp16 || (scores == Precision.Bf16 && slowBf16))
            ? $"advice: this processor has no {KebabCase.Of(scores.Value.ToString())} products, so scores in it take longer. Leave training.subset.precision out."
            : null;

    /// <summary>Of weights that an export of an encoder rounds.</summary>
    public static string? OfEncoder(QuantizationSpec quantization, ObjectiveKind objective) =>
        quantization.EncoderObstacle(objective) is { } obstacle ? $"advice: {obstacle}." : null;

    /// <summary>Of an exported model that reads or continues several texts at once.</summary>
    /// <param name="quantization">As the export says it.</param>
    /// <param name="sequences">How many at a time.</param>
    public static string? OfBatch(string quantization, int sequences) =>
        sequences > OnnxGraph.MostStepTokens && (quantization.StartsWith("int4", StringComparison.Ordinal) || quantization.StartsWith("int2", StringComparison.Ordinal))
            ? $"advice: weights of {quantization[..4]} are fast for up to {OnnxGraph.MostStepTokens} tokens at a time, and here are {sequences}. Measure an export with int8 beside it."
            : null;
}
