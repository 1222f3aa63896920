using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What relative attention reads, see <see cref="Kernels.RelativeAttention"/>.</summary>
internal readonly struct RelativeInputs
{
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public RelativeInputs(
        Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor? memoryKv, Tensor? visible, int batch, int sequence, int heads)
    {
        (Q, Kv, R, U, V, MemoryKv, Visible, Batch, Sequence, Heads) = (q, kv, r, u, v, memoryKv, visible, batch, sequence, heads);
        (Width, Memory) = (q.size(1), (memoryKv?.size(0) ?? 0) / batch);
        var rows = (long)batch * sequence;
        if (Width % heads != 0 || q.size(0) != rows || kv.size(0) != rows || kv.size(1) != 2 * Width || r.size(0) != Positions || r.size(1) != Width
            || u.numel() != Width || v.numel() != Width || (memoryKv is not null && memoryKv.numel() != batch * Memory * 2 * Width)
            || (visible is not null && visible.numel() != rows))
        {
            throw new ArgumentException(
                $"Queries {NativeTensor.Describe(q.Handle)}, keys and values {NativeTensor.Describe(kv.Handle)}, keys of distances {NativeTensor.Describe(r.Handle)} and the memory's keys and values {(memoryKv is null ? "none" : NativeTensor.Describe(memoryKv.Handle))} do not fit B {batch}, T {sequence}, H {heads}.");
        }
    }

    public Tensor Q { get; init; }

    public Tensor Kv { get; init; }

    public Tensor R { get; init; }

    public Tensor U { get; }

    public Tensor V { get; }

    public Tensor? MemoryKv { get; init; }

    public Tensor? Visible { get; }

    public int Batch { get; }

    public int Sequence { get; }

    public int Heads { get; }

    /// <summary>H·D</summary>
    public long Width { get; }

    /// <summary>M</summary>
    public long Memory { get; }

    /// <summary>M + T</summary>
    public long Positions => Memory + Sequence;

    public long HeadWidth => Width / Heads;

    /// <summary>1/√D</summary>
    public float Scale => 1 / MathF.Sqrt(HeadWidth);
}

/// <summary>What its gradient writes, see <see cref="Kernels.RelativeAttentionGrad"/>.</summary>
internal readonly record struct RelativeGradients(bool Accumulate, Tensor Q, Tensor Kv, Tensor R, Tensor U, Tensor V, Tensor? MemoryKv);
