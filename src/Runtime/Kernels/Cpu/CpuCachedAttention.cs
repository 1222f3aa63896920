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
            T* row = (T*)Cpu.Pointer(qkv) + (i * (heads + (2 * kvHeads)) * size), key = (T*)Cpu.Pointer(keys), value = (T*)Cpu.Pointer(values);
            for (var head = 0; head < kvHeads; head++)
            {
                var place = ((head * context) + position) * size;
                NativeMemory.Copy(row + ((heads + head) * size), key + place, (nuint)(size * sizeof(T)));
                NativeMemory.Copy(row + ((heads + kvHeads + head) * size), value + place, (nuint)(size * sizeof(T)));
            }

            var (first, end) = mask.Keys(position, position + 1);
            Threads.For(heads, Cpu.RowGrain(2 * size * (end - first)), new Heads<T>
            {
                Queries = row, Keys = key, Values = value, Y = (T*)Cpu.Pointer(y) + (i * heads * size),
                Size = size, Context = context, First = first, End = end, Shared = heads / kvHeads, Softcap = (float)mask.Softcap,
            });
        }
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

        private readonly void Attend(long head, float* scores, Fp32* sum)
        {
            T* query = Queries + (head * Size), keys = Keys + (head / Shared * Context * Size), values = Values + (head / Shared * Context * Size);
            var (largest, total) = (float.NegativeInfinity, 0f);
            for (var i = 0L; i < Size; i += Lanes.Count) Lanes.Store(sum, i, Size, Vector512<float>.Zero);
            for (var block = First; block < End; block += Block)
            {
                var count = Math.Min(Block, End - block);
                var before = largest;
                for (var j = 0L; j < count; j++)
                {
                    scores[j] = Score(query, keys + ((block + j) * Size));
                    largest = MathF.Max(largest, scores[j]);
                }

                // What was summed so far, relative to the largest score of now.
                var shrink = MathF.Exp(before - largest);
                total *= shrink;
                for (var j = 0L; j < count; j++) total += scores[j] = MathF.Exp(scores[j] - largest);
                for (var i = 0L; i < Size; i += Lanes.Count)
                {
                    var mix = Lanes.Load(sum, i, Size) * shrink;
                    for (var j = 0L; j < count; j++)
                        mix = Vector512.FusedMultiplyAdd(Vector512.Create(scores[j]), Lanes.Load(values + ((block + j) * Size), i, Size), mix);
                    Lanes.Store(sum, i, Size, mix);
                }
            }

            for (var i = 0L; i < Size; i += Lanes.Count) Lanes.Store(Y + (head * Size), i, Size, Lanes.Load(sum, i, Size) / total);
        }

        private readonly float Score(T* query, T* key)
        {
            var product = Vector512<float>.Zero;
            for (var i = 0L; i < Size; i += Lanes.Count) product = Vector512.FusedMultiplyAdd(Lanes.Load(query, i, Size), Lanes.Load(key, i, Size), product);
            var score = Vector512.Sum(product) / MathF.Sqrt(Size);
            return Softcap > 0 ? Softcap * MathF.Tanh(score / Softcap) : score;
        }
    }
}
