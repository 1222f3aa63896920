using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention of one new token of each of some sequences over their caches, on the CPU: softmax as keys are read (Milakov and Gimelshein
/// 2018), so that keys and values are read once and nothing is allocated. Sums are fp32.
/// </summary>
internal static unsafe class CpuCachedAttention
{
    /// <summary>Keys whose scores are held at a time.</summary>
    private const int Block = 32;

    public static void Step(
        Tensor qkv, Tensor[] keyCaches, Tensor[] valueCaches, in SequenceRows at, int heads, int kvHeads, AttentionMask mask, Tensor y)
    {
        if (Cpu.IsBf16(qkv)) Step<Bf16>(qkv, keyCaches, valueCaches, at, heads, kvHeads, mask, y);
        else if (Cpu.IsFp16(qkv)) Step<Fp16>(qkv, keyCaches, valueCaches, at, heads, kvHeads, mask, y);
        else Step<Fp32>(qkv, keyCaches, valueCaches, at, heads, kvHeads, mask, y);
    }

    private static void Step<T>(
        Tensor qkv, Tensor[] keyCaches, Tensor[] valueCaches, in SequenceRows at, int heads, int kvHeads, AttentionMask mask, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var size = qkv.size(1) / (heads + (2 * kvHeads));
        for (var i = 0; i < at.Count; i++)
        {
            Tensor keys = at.Of(keyCaches, i), values = at.Of(valueCaches, i);
            var (position, context) = (at.Position(i), keys.size(1));
            var body = Append(
                (T*)Cpu.Pointer(qkv) + (i * (heads + (2 * kvHeads)) * size), (T*)Cpu.Pointer(keys), (T*)Cpu.Pointer(values), position, context, size,
                heads, kvHeads, mask, (T*)Cpu.Pointer(y) + (i * heads * size));
            Threads.For(heads, Cpu.RowGrain(2 * size * (body.End - body.First)), body);
        }
    }

    /// <summary>Some heads of a sequence in memory, whose caches [Hkv, context, D] have the token's key and value already, on this thread.</summary>
    public static void Attend(
        Fp32* queries, Fp32* keys, Fp32* values, long position, long context, long size, int shared, AttentionMask mask, Fp32* y, int first, int end) =>
        Of(queries, keys, values, position, context, size, shared, mask, y).Run(first, end);

    /// <summary>Adds the token's key and value to the caches [Hkv, context, D], and gives what its heads are to do.</summary>
    private static Heads<T> Append<T>(
        T* qkv, T* keys, T* values, long position, long context, long size, int heads, int kvHeads, AttentionMask mask, T* y)
        where T : unmanaged, IElement<T>
    {
        Append(qkv + (heads * size), keys, values, position, context, size, kvHeads);
        return Of(qkv, keys, values, position, context, size, heads / kvHeads, mask, y);
    }

    /// <summary>Adds a token's keys [Hkv, D], and values behind them, to the caches [Hkv, context, D].</summary>
    public static void Append<T>(T* kv, T* keys, T* values, long position, long context, long size, int kvHeads)
        where T : unmanaged
    {
        for (var head = 0; head < kvHeads; head++)
        {
            var place = ((head * context) + position) * size;
            NativeMemory.Copy(kv + (head * size), keys + place, (nuint)(size * sizeof(T)));
            NativeMemory.Copy(kv + ((kvHeads + head) * size), values + place, (nuint)(size * sizeof(T)));
        }
    }

    private static Heads<T> Of<T>(T* queries, T* keys, T* values, long position, long context, long size, int shared, AttentionMask mask, T* y)
        where T : unmanaged, IElement<T>
    {
        var (first, end) = mask.Keys(position, position + 1);
        return new Heads<T>
        {
            Queries = queries, Keys = keys, Values = values, Y = y,
            Size = size, Context = context, First = first, End = end, Shared = shared, Softcap = (float)mask.Softcap,
        };
    }

    private struct Heads<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Queries, Keys, Values, Y;
        public long Size, Context, First, End, Shared;
        public float Softcap;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var scores = stackalloc float[Block];
            var sum = stackalloc Fp32[(int)Size];
            for (var head = begin; head < end; head++) Attend(head, scores, sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Attend(long head, float* scores, Fp32* sum)
        {
            T* query = Queries + (head * Size), keys = Keys + (head / Shared * Context * Size), values = Values + (head / Shared * Context * Size);
            var (largest, total, scale) = (float.NegativeInfinity, 0f, 1 / MathF.Sqrt(Size));
            for (var i = 0L; i < Size; i += Lanes.Count) Lanes.Store(sum, i, Size, Vector512<float>.Zero);
            for (var block = First; block < End; block += Block)
            {
                var count = Math.Min(Block, End - block);
                var before = largest;
                for (var j = 0L; j < count; j++) scores[j] = Score(query, keys + ((block + j) * Size), scale);
                var most = Vector512.Create(largest);
                for (var j = 0L; j < count; j += Lanes.Count) most = Vector512.Max(most, Lanes.Load((Fp32*)scores, j, count, float.NegativeInfinity));
                largest = Lanes.Max(most);

                // What was summed so far, relative to the largest score of now.
                var shrink = MathF.Exp(before - largest);
                var weights = Vector512<float>.Zero;
                for (var j = 0L; j < count; j += Lanes.Count)
                {
                    var weight = Lanes.Exp(Lanes.Load((Fp32*)scores, j, count, float.NegativeInfinity) - Vector512.Create(largest));
                    Lanes.Store((Fp32*)scores, j, count, weight);
                    weights += weight;
                }

                total = (total * shrink) + Vector512.Sum(weights);
                for (var i = 0L; i < Size; i += Lanes.Count)
                {
                    // Two sums, so that one need not wait for the other.
                    var (even, odd) = (Lanes.Load(sum, i, Size) * shrink, Vector512<float>.Zero);
                    var j = 0L;
                    for (; j + 2 <= count; j += 2)
                    {
                        even = Vector512.FusedMultiplyAdd(Vector512.Create(scores[j]), Lanes.Load(values + ((block + j) * Size), i, Size), even);
                        odd = Vector512.FusedMultiplyAdd(Vector512.Create(scores[j + 1]), Lanes.Load(values + ((block + j + 1) * Size), i, Size), odd);
                    }

                    if (j < count) even = Vector512.FusedMultiplyAdd(Vector512.Create(scores[j]), Lanes.Load(values + ((block + j) * Size), i, Size), even);
                    Lanes.Store(sum, i, Size, even + odd);
                }
            }

            for (var i = 0L; i < Size; i += Lanes.Count) Lanes.Store(Y + (head * Size), i, Size, Lanes.Load(sum, i, Size) / total);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly float Score(T* query, T* key, float scale)
        {
            var product = Vector512<float>.Zero;
            for (var i = 0L; i < Size; i += Lanes.Count) product = Vector512.FusedMultiplyAdd(Lanes.Load(query, i, Size), Lanes.Load(key, i, Size), product);
            var score = Vector512.Sum(product) * scale;
            return Softcap > 0 ? Softcap * MathF.Tanh(score / Softcap) : score;
        }
    }
}
