using ModelCompiler.Runtime.Native;
using static ModelCompiler.Runtime.Implementations.HeadRows;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Relative attention on the CPU: batched matrix products by libtorch with our shifted softmax between them, one sequence at a
/// time, so that its scores stay in the cache. Scores are rounded to the compute type; softmax, its gradient and sums of
/// gradients over the batch are fp32.
/// </summary>
internal static unsafe class CpuRelativeAttention
{
    public static void Forward(in RelativeInputs x, Tensor y, Tensor lse)
    {
        if (Cpu.IsBf16(x.Q)) Forward<Bf16>(x, y, lse);
        else Forward<Fp32>(x, y, lse);
    }

    public static void Backward(Tensor dy, in RelativeInputs x, Tensor y, Tensor lse, in RelativeGradients gradients)
    {
        if (Cpu.IsBf16(x.Q)) Backward<Bf16>(dy, x, y, lse, gradients);
        else Backward<Fp32>(dy, x, y, lse, gradients);
    }

    private static void Forward<T>(in RelativeInputs x, Tensor y, Tensor lse)
        where T : unmanaged, IElement<T>
    {
        var (t, s, d, h) = ((long)x.Sequence, x.Positions, x.HeadWidth, (long)x.Heads);
        var (queries, keys, scores) = (t * x.Width, s * x.Width, h * t * s);
        // q + u, q + v and y [H, T, D]; keys, values and keys of distances [H, S, D]; scores by content and by distance [H, T, S].
        var scratch = Scratch.Rent(x.Q.dtype, (3 * queries) + (3 * keys) + (2 * scores));
        T* qu = (T*)Cpu.Pointer(scratch), qv = qu + queries, o = qv + queries, k = o + queries, v = k + keys, r = v + keys;
        T* content = r + keys, distance = content + scores;
        var (kAt, sAt) = (3 * queries, (3 * queries) + (3 * keys));
        using var contentQueries = View(scratch, h, t, d, t * d, 0);
        using var distanceQueries = View(scratch, h, t, d, t * d, queries);
        using var outputs = View(scratch, h, t, d, t * d, 2 * queries);
        using var keysTransposed = Transposed(scratch, h, d, s, s * d, kAt);
        using var values = View(scratch, h, s, d, s * d, kAt + keys);
        using var distancesTransposed = Transposed(scratch, h, d, s, s * d, kAt + (2 * keys));
        using var contentScores = View(scratch, h, t, s, t * s, sAt);
        using var distanceScores = View(scratch, h, t, s, t * s, sAt + scores);

        Pack((T*)Cpu.Pointer(x.R), x.Width, r, s, d, h);
        for (var b = 0; b < x.Batch; b++)
        {
            RelativeRows.Pack(x, b, qu, qv, k, v);
            MatrixProducts.Bmm(contentScores.Handle, contentQueries.Handle, keysTransposed.Handle, cuda: false);
            MatrixProducts.Bmm(distanceScores.Handle, distanceQueries.Handle, distancesTransposed.Handle, cuda: false);
            Threads.For(h * t, Cpu.RowGrain(s), new SoftmaxRows<T>
            {
                Content = content, Distance = distance, Lse = Cpu.Floats(lse) + (b * h * t), Visible = RelativeRows.Visible(x, b),
                Queries = t, Memory = x.Memory, Positions = s, Scale = x.Scale,
            });
            MatrixProducts.Bmm(outputs.Handle, contentScores.Handle, values.Handle, cuda: false);
            Unpack(o, (T*)Cpu.Pointer(y) + (b * queries), x.Width, t, d, h);
        }
    }

    private static void Backward<T>(Tensor dy, in RelativeInputs x, Tensor y, Tensor lse, in RelativeGradients gradients)
        where T : unmanaged, IElement<T>
    {
        var (t, s, d, h) = ((long)x.Sequence, x.Positions, x.HeadWidth, (long)x.Heads);
        var (queries, keys, scores) = (t * x.Width, s * x.Width, h * t * s);
        // q + u, q + v, dy and the gradients of the first two [H, T, D]; keys, values, keys of distances and their gradients
        // [H, S, D]; scores by content, by distance and the gradient of probabilities [H, T, S]; at the end sums in fp32.
        var sums = (keys + (2 * x.Width)) * sizeof(float) / sizeof(T);
        var scratch = Scratch.Rent(x.Q.dtype, (5 * queries) + (6 * keys) + (3 * scores) + sums + 1);
        T* qu = (T*)Cpu.Pointer(scratch), qv = qu + queries, dyPacked = qv + queries, dqu = dyPacked + queries, dqv = dqu + queries;
        T* k = dqv + queries, v = k + keys, r = v + keys, dk = r + keys, dValues = dk + keys, dr = dValues + keys;
        T* content = dr + keys, distance = content + scores, gradient = distance + scores;
        var total = (float*)(((nint)(gradient + scores) + 3) & ~(nint)3);
        var (kAt, sAt) = (5 * queries, (5 * queries) + (6 * keys));
        using var contentQueries = View(scratch, h, t, d, t * d, 0);
        using var distanceQueries = View(scratch, h, t, d, t * d, queries);
        using var gradientRows = View(scratch, h, t, d, t * d, 2 * queries);
        using var dContentQueries = View(scratch, h, t, d, t * d, 3 * queries);
        using var dDistanceQueries = View(scratch, h, t, d, t * d, 4 * queries);
        using var keyRows = View(scratch, h, s, d, s * d, kAt);
        using var keysTransposed = Transposed(scratch, h, d, s, s * d, kAt);
        using var valuesTransposed = Transposed(scratch, h, d, s, s * d, kAt + keys);
        using var distances = View(scratch, h, s, d, s * d, kAt + (2 * keys));
        using var distancesTransposed = Transposed(scratch, h, d, s, s * d, kAt + (2 * keys));
        using var dKeyRows = View(scratch, h, s, d, s * d, kAt + (3 * keys));
        using var dValueRows = View(scratch, h, s, d, s * d, kAt + (4 * keys));
        using var dDistances = View(scratch, h, s, d, s * d, kAt + (5 * keys));
        using var contentScores = View(scratch, h, t, s, t * s, sAt);
        using var probabilitiesTransposed = Transposed(scratch, h, s, t, t * s, sAt);
        using var distanceScores = View(scratch, h, t, s, t * s, sAt + scores);
        using var dDistanceTransposed = Transposed(scratch, h, s, t, t * s, sAt + scores);
        using var dScores = View(scratch, h, t, s, t * s, sAt + (2 * scores));
        using var dScoresTransposed = Transposed(scratch, h, s, t, t * s, sAt + (2 * scores));

        Pack((T*)Cpu.Pointer(x.R), x.Width, r, s, d, h);
        new Span<float>(total, (int)(keys + (2 * x.Width))).Clear();
        for (var b = 0; b < x.Batch; b++)
        {
            RelativeRows.Pack(x, b, qu, qv, k, v);
            T* dyRows = (T*)Cpu.Pointer(dy) + (b * queries), yRows = (T*)Cpu.Pointer(y) + (b * queries);
            Pack(dyRows, x.Width, dyPacked, t, d, h);
            MatrixProducts.Bmm(contentScores.Handle, contentQueries.Handle, keysTransposed.Handle, cuda: false);
            MatrixProducts.Bmm(distanceScores.Handle, distanceQueries.Handle, distancesTransposed.Handle, cuda: false);
            MatrixProducts.Bmm(dScores.Handle, gradientRows.Handle, valuesTransposed.Handle, cuda: false);
            Threads.For(h * t, Cpu.RowGrain(s), new SoftmaxGradientRows<T>
            {
                Content = content, Distance = distance, Gradient = gradient, Dy = dyRows, Y = yRows, Lse = Cpu.Floats(lse) + (b * h * t),
                Visible = RelativeRows.Visible(x, b), Queries = t, Memory = x.Memory, Positions = s, Heads = h, HeadWidth = d, Scale = x.Scale,
            });
            MatrixProducts.Bmm(dContentQueries.Handle, dScores.Handle, keyRows.Handle, cuda: false);
            MatrixProducts.Bmm(dDistanceQueries.Handle, distanceScores.Handle, distances.Handle, cuda: false);
            MatrixProducts.Bmm(dValueRows.Handle, probabilitiesTransposed.Handle, gradientRows.Handle, cuda: false);
            MatrixProducts.Bmm(dKeyRows.Handle, dScoresTransposed.Handle, contentQueries.Handle, cuda: false);
            MatrixProducts.Bmm(dDistances.Handle, dDistanceTransposed.Handle, distanceQueries.Handle, cuda: false);
            RelativeRows.Unpack(x, b, gradients, dqu, dqv, dk, dValues);
            RelativeRows.Add(dr, h, s, d, total, rows: true);
            RelativeRows.Add(dqu, h, t, d, total + keys, rows: false);
            RelativeRows.Add(dqv, h, t, d, total + keys + x.Width, rows: false);
        }

        RelativeRows.Store<T>(total, h, s, d, (T*)Cpu.Pointer(gradients.R));
        ColumnSums.Reduce(total + keys, 1, x.Width, x.Width, gradients.Accumulate, Cpu.Floats(gradients.U));
        ColumnSums.Reduce(total + keys + x.Width, 1, x.Width, x.Width, gradients.Accumulate, Cpu.Floats(gradients.V));
    }

    /// <summary>Rows of scores [H, T, S].</summary>
    private struct SoftmaxRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Content, Distance;
        public float* Lse;
        public long* Visible;
        public long Queries, Memory, Positions;
        public float Scale;

        public readonly void Run(long begin, long end)
        {
            var buffer = stackalloc float[checked((int)Positions) + Lanes.Count];
            for (var index = begin; index < end; index++)
            {
                var query = index % Queries;
                var at = index * Positions;
                Lse[index] = RelativeSoftmax.Forward(
                    Content + at, Distance + at + (Queries - 1 - query), Visible is null ? 0 : Visible[query], Memory + query + 1, Positions, Scale, buffer);
            }
        }
    }

    private struct SoftmaxGradientRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Content, Distance, Gradient, Dy, Y;
        public float* Lse;
        public long* Visible;
        public long Queries, Memory, Positions, Heads, HeadWidth;
        public float Scale;

        public readonly void Run(long begin, long end)
        {
            for (var index = begin; index < end; index++)
            {
                var (head, query) = Math.DivRem(index, Queries);
                // Σⱼ Pᵢⱼ dPᵢⱼ = dyᵢ · yᵢ (Dao et al. 2022)
                var (at, row) = (index * Positions, ((query * Heads) + head) * HeadWidth);
                RelativeSoftmax.Backward(
                    Content + at, Distance + at, Gradient + at, Queries - 1 - query, Visible is null ? 0 : Visible[query], Memory + query + 1,
                    Positions, Scale, Lse[index], MaskedSoftmax.Dot(Dy + row, Y + row, HeadWidth));
            }
        }
    }
}
