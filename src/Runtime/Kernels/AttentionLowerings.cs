using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The ways to calculate attention, and the choice between them for a device, element type and shape.</summary>
internal static class AttentionLowerings
{
    private static readonly IAttentionLowering[] ForCpu =
        [new BatchedAttention(1), new BatchedAttention(2), new BatchedAttention(4), new FlashAttention()];

    // The batched products round scores before they are scaled, and fp16 ends at 65504.
    private static readonly IAttentionLowering[] ForCpuInFp16 = [new FlashAttention()];

    private static readonly IAttentionLowering[] ForOthers = [new AtenAttention()];

    private static readonly string[] CpuNames = [.. ForCpu.Select(lowering => lowering.Name)];

    public static void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        var at = shape;
        Choose("attention", qkv, shape, lowering => lowering.Forward(qkv, at, y, lse)).Forward(qkv, shape, y, lse);
    }

    public static void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        var at = shape;
        Choose("attention-grad", qkv, shape, lowering => lowering.Backward(dy, qkv, y, lse, at, dqkv))
            .Backward(dy, qkv, y, lse, shape, dqkv);
    }

    /// <summary>All lowerings of a device and element type, for tests and benchmarks.</summary>
    public static IReadOnlyList<IAttentionLowering> For(DeviceType device, ScalarType type) =>
        device != DeviceType.CPU ? ForOthers : type == ScalarType.Float16 ? ForCpuInFp16 : ForCpu;

    private static IAttentionLowering Choose(string kernel, Tensor qkv, in AttentionShape shape, Action<IAttentionLowering> run)
    {
        var lowerings = For(qkv.device_type, qkv.dtype);
        if (lowerings.Count == 1) return lowerings[0];
        var @case = FormattableString.Invariant(
            $"{kernel} {qkv.dtype} B{shape.Batch} T{shape.Sequence} H{shape.Heads} Hkv{shape.KvHeads} D{shape.HeadWidth}, {get_num_threads()} threads");
        return lowerings[Lowerings.Default.Choose(@case, CpuNames, index => run(lowerings[index]))];
    }
}
