using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Gradients of embeddings, and positions, on the CPU. A thread owns columns of a gradient, so its sums have one order.</summary>
internal static unsafe class CpuEmbeddings
{
    public static void EmbeddingGrad(Tensor dy, Tensor tokens, bool accumulate, Tensor dWeight)
    {
        if (Cpu.IsBf16(dy)) EmbeddingGrad<Bf16>(dy, tokens, accumulate, dWeight);
        else if (Cpu.IsFp16(dy)) EmbeddingGrad<Fp16>(dy, tokens, accumulate, dWeight);
        else EmbeddingGrad<Fp32>(dy, tokens, accumulate, dWeight);
    }

    /// <summary>Adds the first rows of a weight, over and over, to those of x; a vector is one row.</summary>
    public static void AddPosition(Tensor x, Tensor weight, long sequence, Tensor y)
    {
        if (Cpu.IsBf16(x)) AddPosition<Bf16>(x, weight, sequence, y);
        else if (Cpu.IsFp16(x)) AddPosition<Fp16>(x, weight, sequence, y);
        else AddPosition<Fp32>(x, weight, sequence, y);
    }

    public static void AddPositionGrad(Tensor dy, long sequence, bool accumulate, Tensor dWeight)
    {
        if (Cpu.IsBf16(dy)) AddPositionGrad<Bf16>(dy, sequence, accumulate, dWeight);
        else if (Cpu.IsFp16(dy)) AddPositionGrad<Fp16>(dy, sequence, accumulate, dWeight);
        else AddPositionGrad<Fp32>(dy, sequence, accumulate, dWeight);
    }

    private static void EmbeddingGrad<T>(Tensor dy, Tensor tokens, bool accumulate, Tensor dWeight)
        where T : unmanaged, IElement<T>
    {
        var (vocabulary, width, rows) = (dWeight.size(0), dWeight.size(1), tokens.numel());
        var indices = (long*)Cpu.Pointer(tokens);
        for (var row = 0L; row < rows; row++)
        {
            if ((ulong)indices[row] >= (ulong)vocabulary)
                throw new ArgumentException($"Token {indices[row]} lies outside the vocabulary of {vocabulary}.", nameof(tokens));
        }

        if (!accumulate) dWeight.zero_();
        Threads.For((width + Lanes.Count - 1) / Lanes.Count, Math.Max(1, Cpu.Grain / (rows * Lanes.Count)), new TokenColumns<T>
        {
            Dy = (T*)Cpu.Pointer(dy), Tokens = indices, Into = (Fp32*)Cpu.Floats(dWeight), Rows = rows, Width = width,
        });
    }

    private static void AddPosition<T>(Tensor x, Tensor weight, long sequence, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var (length, width) = (x.numel(), weight.size(-1));
        if (sequence > weight.numel() / width)
            throw new ArgumentException($"Sequences of {sequence} are longer than the {weight.numel() / width} positions of the model.", nameof(sequence));
        Threads.For(length / width, Cpu.RowGrain(width), new PositionRows<T>
        {
            X = Cpu.Elements<T>(x, length), Weight = Cpu.Elements<T>(weight, weight.numel()), Y = Cpu.Elements<T>(y, length),
            Sequence = sequence, Width = width,
        });
    }

    private static void AddPositionGrad<T>(Tensor dy, long sequence, bool accumulate, Tensor dWeight)
        where T : unmanaged, IElement<T>
    {
        var (rows, width) = (dWeight.size(0), dWeight.size(1));
        if (!accumulate) new Span<float>(Cpu.Floats(dWeight) + (sequence * width), checked((int)((rows - sequence) * width))).Clear();
        Threads.For(sequence, Cpu.RowGrain(width), new PositionSums<T>
        {
            Dy = (T*)Cpu.Pointer(dy), Into = (Fp32*)Cpu.Floats(dWeight), Batch = dy.size(0) / sequence, Sequence = sequence,
            Width = width, Accumulate = accumulate,
        });
    }

    private struct TokenColumns<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy;
        public long* Tokens;
        public Fp32* Into;
        public long Rows, Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = 0L; row < Rows; row++)
            {
                var dy = Dy + (row * Width);
                var into = Into + (Tokens[row] * Width);
                for (var i = begin * Lanes.Count; i < Math.Min(Width, end * Lanes.Count); i += Lanes.Count)
                    Lanes.Store(into, i, Width, Lanes.Load(into, i, Width) + Lanes.Load(dy, i, Width));
            }
        }
    }

    private struct PositionRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Weight, Y;
        public long Sequence, Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                T* x = X + (row * Width), weight = Weight + (row % Sequence * Width), y = Y + (row * Width);
                for (var i = 0L; i < Width; i += Lanes.Count) Lanes.Store(y, i, Width, Lanes.Load(x, i, Width) + Lanes.Load(weight, i, Width));
            }
        }
    }

    private struct PositionSums<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy;
        public Fp32* Into;
        public long Batch, Sequence, Width;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var t = begin; t < end; t++)
            {
                var into = Into + (t * Width);
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var sum = Accumulate ? Lanes.Load(into, i, Width) : Vector512<float>.Zero;
                    for (var b = 0L; b < Batch; b++) sum += Lanes.Load(Dy + (((b * Sequence) + t) * Width), i, Width);
                    Lanes.Store(into, i, Width, sum);
                }
            }
        }
    }
}
