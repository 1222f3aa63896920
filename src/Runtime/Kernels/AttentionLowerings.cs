using System.Collections.Concurrent;
using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The ways to calculate attention, and the choice between them for a device, element type and shape.</summary>
internal static class AttentionLowerings
{
    private static readonly Candidates ForCpu =
        new(new BatchedAttention(1), new BatchedAttention(2), new BatchedAttention(4), new FlashAttention());

    private static readonly Candidates ForCpuFp32 =
        new(new BatchedAttention(1), new TiledAttention(), new BatchedAttention(2), new BatchedAttention(4), new FlashAttention());

    /// <summary>libtorch's flash kernel knows neither windows nor caps; the narrower a window, the more blocks pay.</summary>
    private static readonly Candidates ForCpuMasked =
        new(new BatchedAttention(1), new BatchedAttention(2), new BatchedAttention(4), new BatchedAttention(8), new BatchedAttention(16));

    private static readonly Candidates ForCpuWidened =
        new(new WidenedAttention(new BatchedAttention(1)), new WidenedAttention(new BatchedAttention(2)), new WidenedAttention(new BatchedAttention(4)));

    private static readonly Candidates ForOthers = new(new AtenAttention());

    // By what is looked up in each step without making a string.
    private static readonly ConcurrentDictionary<Case, IAttentionLowering> Chosen = new();

    public static void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse) =>
        (Known("attention", qkv, shape) ?? Measure("attention", qkv, shape, Run(qkv, shape, y, lse))).Forward(qkv, shape, y, lse);

    public static void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv) =>
        (Known("attention-grad", qkv, shape) ?? Measure("attention-grad", qkv, shape, RunBackward(dy, qkv, y, lse, shape, dqkv)))
            .Backward(dy, qkv, y, lse, shape, dqkv);

    /// <summary>All lowerings of a device, element type and shape, for tests and benchmarks.</summary>
    public static IReadOnlyList<IAttentionLowering> For(DeviceType device, ScalarType type, in AttentionShape shape) => Of(device, type, shape).All;

    private static Candidates Of(DeviceType device, ScalarType type, in AttentionShape shape) =>
        device != DeviceType.CPU ? ForOthers
        : HalfProducts.Widen(type) ? ForCpuWidened
        : shape.Mask.Window > 0 || shape.Mask.Softcap > 0 ? ForCpuMasked
        : TiledAttention.Takes(type, shape) ? ForCpuFp32 : ForCpu;

    private static IAttentionLowering? Known(string kernel, Tensor qkv, in AttentionShape shape)
    {
        var lowerings = Of(qkv.device_type, qkv.dtype, shape).All;
        return lowerings.Length == 1 ? lowerings[0] : Chosen.GetValueOrDefault(new Case(kernel, qkv.dtype, shape, get_num_threads()));
    }

    private static IAttentionLowering Measure(string kernel, Tensor qkv, in AttentionShape shape, Action<IAttentionLowering> run)
    {
        var lowerings = Of(qkv.device_type, qkv.dtype, shape);
        var @case = new Case(kernel, qkv.dtype, shape, get_num_threads());
        return Chosen[@case] = lowerings.All[Lowerings.Default.Choose(@case.ToString(), lowerings.Names, index => run(lowerings.All[index]))];
    }

    // Apart, because a lambda's captures are allocated where they are declared, in every call.
    private static Action<IAttentionLowering> Run(Tensor qkv, AttentionShape shape, Tensor y, Tensor lse) =>
        lowering => lowering.Forward(qkv, shape, y, lse);

    private static Action<IAttentionLowering> RunBackward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, AttentionShape shape, Tensor dqkv) =>
        lowering => lowering.Backward(dy, qkv, y, lse, shape, dqkv);

    private sealed class Candidates(params IAttentionLowering[] all)
    {
        public IAttentionLowering[] All { get; } = all;

        public string[] Names { get; } = [.. all.Select(lowering => lowering.Name)];
    }

    private readonly record struct Case(string Kernel, ScalarType Type, AttentionShape Shape, int Threads)
    {
        public override string ToString() => FormattableString.Invariant(
            $"{Kernel} {Type} B{Shape.Batch} T{Shape.Sequence} H{Shape.Heads} Hkv{Shape.KvHeads} D{Shape.HeadWidth}{Shape.Mask}, {Threads} threads");
    }
}
