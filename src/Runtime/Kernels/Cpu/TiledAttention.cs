using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention in fp32 on the CPU whose scores stay in a core's caches: a thread takes a key head of a sequence and goes over blocks of queries, of which it
/// multiplies no more keys than one of them sees (Dao et al. 2022, with the rows of scores whole). Without windows and caps.
/// </summary>
internal sealed unsafe class TiledAttention : IAttentionLowering
{
    /// <summary>Queries whose scores are held at a time.</summary>
    private const int Block = 32;

    public string Name => "tiled";

    /// <summary>Whether it has a form for a shape: heads of whole vectors, and neither window nor cap.</summary>
    public static bool Takes(ScalarType type, in AttentionShape shape) =>
        type == ScalarType.Float32 && shape.HeadWidth % Lanes.Count == 0 && shape.Mask is { Window: 0, Softcap: 0 };

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse) =>
        Threads.For((long)shape.Batch * shape.KvHeads, 1, new ForwardHeads { Shape = shape, Qkv = Cpu.Floats(qkv), Y = Cpu.Floats(y), Lse = Cpu.Floats(lse) });

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv) =>
        Threads.For((long)shape.Batch * shape.KvHeads, 1, new BackwardHeads
        {
            Shape = shape, Dy = Cpu.Floats(dy), Qkv = Cpu.Floats(qkv), Y = Cpu.Floats(y), Lse = Cpu.Floats(lse), Dqkv = Cpu.Floats(dqkv),
        });

    /// <summary>Sequence, filled up to whole vectors.</summary>
    private static long Padded(long length) => (length + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    /// <summary>Rows [T, D] of a packed value as columns [D, padded T], behind whose ends there are zeros.</summary>
    private static void Turn(float* rows, long width, long length, long size, float* columns)
    {
        var padded = Padded(length);
        for (var d = 0L; d < size; d++) new Span<float>(columns + (d * padded) + length, (int)(padded - length)).Clear();
        for (var t = 0L; t < length; t += Lanes.Count)
        {
            var end = Math.Min(length, t + Lanes.Count);
            for (var d = 0L; d < size; d++)
                for (var row = t; row < end; row++) columns[(d * padded) + row] = rows[(row * width) + d];
        }
    }

    private struct ForwardHeads : IRange
    {
        public AttentionShape Shape;
        public float* Qkv, Y, Lse;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (length, size) = ((long)Shape.Sequence, Shape.HeadWidth);
            var padded = Padded(length);
            var scores = Cpu.Floats(Scratch.Rent(ScalarType.Float32, (Block * padded) + (size * padded)));
            var keys = scores + (Block * padded);
            for (var unit = begin; unit < end; unit++)
            {
                var (sequence, kvHead) = Math.DivRem(unit, Shape.KvHeads);
                var row = Qkv + (sequence * length * Shape.Width);
                Turn(row + ((Shape.Heads + kvHead) * size), Shape.Width, length, size, keys);
                for (var head = kvHead * Shape.Group; head < (kvHead + 1) * Shape.Group; head++)
                    for (var query = 0L; query < length; query += Block)
                        Attend(row, sequence, head, kvHead, query, Math.Min(Block, length - query), scores, keys, padded);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Attend(float* row, long sequence, long head, long kvHead, long query, long count, float* scores, float* keys, long padded)
        {
            var (length, size, width, yWidth) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Width, Shape.Heads * Shape.HeadWidth);
            var seen = Shape.Mask.Causal ? query + count : length;
            Fp32Products.Multiply(row + (query * width) + (head * size), width, 1, keys, padded, scores, padded, count, Padded(seen), size, adds: false);
            var inverses = stackalloc float[Block];
            for (var i = 0L; i < count; i++)
            {
                float* score = scores + (i * padded);
                var own = Shape.Mask.Causal ? query + i + 1 : length;
                var most = Vector512.Create(float.NegativeInfinity);
                for (var j = 0L; j < own; j += Lanes.Count) most = Vector512.Max(most, Lanes.Load((Fp32*)score, j, own, float.NegativeInfinity));
                var largest = Lanes.Max(most) * Shape.Scale;
                var (scale, minus, sum) = (Vector512.Create(Shape.Scale), Vector512.Create(-largest), Vector512<float>.Zero);
                for (var j = 0L; j < own; j += Lanes.Count)
                {
                    var weight = Lanes.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(score + j), scale, minus));
                    if (j + Lanes.Count > own) weight = Lanes.First(weight, own - j);
                    weight.Store(score + j);
                    sum += weight;
                }

                if (Padded(own) < seen) new Span<float>(score + Padded(own), (int)(seen - Padded(own))).Clear();
                var total = Vector512.Sum(sum);
                inverses[i] = 1 / total;
                Lse[(((sequence * Shape.Heads) + head) * length) + query + i] = largest + MathF.Log(total);
            }

            var y = Y + (((sequence * length) + query) * yWidth) + (head * size);
            Fp32Products.Multiply(scores, padded, 1, row + ((Shape.Heads + Shape.KvHeads + kvHead) * size), width, y, yWidth, count, size, seen, adds: false);
            for (var i = 0L; i < count; i++)
                for (var d = 0L; d < size; d += Lanes.Count) (Vector512.Load(y + (i * yWidth) + d) * inverses[i]).Store(y + (i * yWidth) + d);
        }
    }

    private struct BackwardHeads : IRange
    {
        public AttentionShape Shape;
        public float* Dy, Qkv, Y, Lse, Dqkv;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (length, size) = ((long)Shape.Sequence, Shape.HeadWidth);
            var padded = Padded(length);
            var scores = Cpu.Floats(Scratch.Rent(ScalarType.Float32, (2 * Block * padded) + (2 * size * padded)));
            float* gradients = scores + (Block * padded), keys = gradients + (Block * padded), values = keys + (size * padded);
            for (var unit = begin; unit < end; unit++)
            {
                var (sequence, kvHead) = Math.DivRem(unit, Shape.KvHeads);
                float* row = Qkv + (sequence * length * Shape.Width), gradient = Dqkv + (sequence * length * Shape.Width);
                Turn(row + ((Shape.Heads + kvHead) * size), Shape.Width, length, size, keys);
                Turn(row + ((Shape.Heads + Shape.KvHeads + kvHead) * size), Shape.Width, length, size, values);
                Clear(gradient + ((Shape.Heads + kvHead) * size));
                Clear(gradient + ((Shape.Heads + Shape.KvHeads + kvHead) * size));
                for (var head = kvHead * Shape.Group; head < (kvHead + 1) * Shape.Group; head++)
                    for (var query = 0L; query < length; query += Block)
                        Attend(row, gradient, sequence, head, kvHead, query, Math.Min(Block, length - query), scores, gradients, keys, values, padded);
            }
        }

        private readonly void Clear(float* rows)
        {
            for (var t = 0L; t < Shape.Sequence; t++) new Span<float>(rows + (t * Shape.Width), (int)Shape.HeadWidth).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Attend(
            float* row, float* gradient, long sequence, long head, long kvHead, long query, long count, float* scores, float* gradients, float* keys, float* values, long padded)
        {
            var (length, size, width, yWidth) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Width, Shape.Heads * Shape.HeadWidth);
            var seen = Shape.Mask.Causal ? query + count : length;
            var (key, value) = ((Shape.Heads + kvHead) * size, (Shape.Heads + Shape.KvHeads + kvHead) * size);
            var queries = row + (query * width) + (head * size);
            var place = (((sequence * length) + query) * yWidth) + (head * size);
            Fp32Products.Multiply(queries, width, 1, keys, padded, scores, padded, count, Padded(seen), size, adds: false);
            Fp32Products.Multiply(Dy + place, yWidth, 1, values, padded, gradients, padded, count, Padded(seen), size, adds: false);
            for (var i = 0L; i < count; i++)
            {
                float* score = scores + (i * padded), slope = gradients + (i * padded);
                var own = Shape.Mask.Causal ? query + i + 1 : length;
                var product = Vector512<float>.Zero;
                for (var d = 0L; d < size; d += Lanes.Count)
                    product = Vector512.FusedMultiplyAdd(Vector512.Load(Dy + place + (i * yWidth) + d), Vector512.Load(Y + place + (i * yWidth) + d), product);
                var (scale, minus) = (Vector512.Create(Shape.Scale), Vector512.Create(-Lse[(((sequence * Shape.Heads) + head) * length) + query + i]));
                var delta = Vector512.Create(Vector512.Sum(product));
                for (var j = 0L; j < own; j += Lanes.Count)
                {
                    var weight = Lanes.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(score + j), scale, minus));
                    if (j + Lanes.Count > own) weight = Lanes.First(weight, own - j);
                    weight.Store(score + j);
                    (weight * (Vector512.Load(slope + j) - delta) * scale).Store(slope + j);
                }

                if (Padded(own) >= seen) continue;
                new Span<float>(score + Padded(own), (int)(seen - Padded(own))).Clear();
                new Span<float>(slope + Padded(own), (int)(seen - Padded(own))).Clear();
            }

            Fp32Products.Multiply(scores, 1, padded, Dy + place, yWidth, gradient + value, width, seen, size, count, adds: true);
            Fp32Products.Multiply(gradients, padded, 1, row + key, width, gradient + (query * width) + (head * size), width, count, size, seen, adds: false);
            Fp32Products.Multiply(gradients, 1, padded, queries, width, gradient + key, width, seen, size, count, adds: true);
        }
    }
}
