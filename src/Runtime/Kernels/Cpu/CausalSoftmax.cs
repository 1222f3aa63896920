using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The parts of causal attention between its matrix products, over rows of scores; only the lower triangle is touched.</summary>
internal static unsafe class CausalSoftmax
{
    /// <summary>Softmax of the first n scores of a row in place, zeros behind them; returns the row's log of the sum of exponentials.</summary>
    /// <param name="row">Scores before scaling.</param>
    /// <param name="n">Number of keys that the row's query sees.</param>
    /// <param name="width">Length of the row.</param>
    /// <param name="scale">1/√D</param>
    /// <param name="buffer">width + 16 floats of scratch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Forward<T>(T* row, long n, long width, float scale, float* buffer)
        where T : unmanaged, IElement<T>
    {
        var factor = Vector512.Create(scale);
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < n; i += Lanes.Count)
        {
            var scores = Lanes.Load(row, i, n, float.NegativeInfinity) * factor;
            scores.Store(buffer + i);
            maxima = Vector512.Max(maxima, scores);
        }

        var maximum = Lanes.Max(maxima);
        var (offset, sums) = (Vector512.Create(maximum), Vector512<float>.Zero);
        for (var i = 0L; i < n; i += Lanes.Count)
        {
            var exponentials = Lanes.Exp(Vector512.Load(buffer + i) - offset);
            exponentials.Store(buffer + i);
            sums += exponentials;
        }

        var sum = Vector512.Sum(sums);
        var inverse = Vector512.Create(1 / sum);
        for (var i = 0L; i < n; i += Lanes.Count) Lanes.Store(row, i, n, Vector512.Load(buffer + i) * inverse);
        new Span<T>(row + n, (int)(width - n)).Clear();
        return maximum + MathF.Log(sum);
    }

    /// <summary>
    /// Turns the first n scores of a row into probabilities P, and the gradient dP of those into that of the scores,
    /// dS = P · (dP − delta) · scale, both in place; zeros behind them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<T>(T* scores, T* gradient, long n, long width, float scale, float lse, float delta)
        where T : unmanaged, IElement<T>
    {
        var (factor, offset, shift) = (Vector512.Create(scale), Vector512.Create(-lse), Vector512.Create(delta));
        var whole = n - (n % Lanes.Count);
        for (var i = 0L; i < whole; i += Lanes.Count)
        {
            var probabilities = Lanes.Exp(Vector512.FusedMultiplyAdd(T.Load(scores + i), factor, offset));
            T.Store(gradient + i, probabilities * (T.Load(gradient + i) - shift) * factor);
            T.Store(scores + i, probabilities);
        }

        // Whole lanes at the end too, where the row has room: what the query does not see becomes zero.
        var end = Math.Min(width, whole + Lanes.Count);
        if (whole < n)
        {
            var probabilities = Lanes.First(Lanes.Exp(Vector512.FusedMultiplyAdd(Lanes.Load(scores, whole, end), factor, offset)), n - whole);
            Lanes.Store(gradient, whole, end, probabilities * (Lanes.Load(gradient, whole, end) - shift) * factor);
            Lanes.Store(scores, whole, end, probabilities);
            whole = end;
        }

        new Span<T>(scores + whole, (int)(width - whole)).Clear();
        new Span<T>(gradient + whole, (int)(width - whole)).Clear();
    }

    /// <summary>Σ aᵢ bᵢ</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<T>(T* a, T* b, long n)
        where T : unmanaged, IElement<T>
    {
        var sums = Vector512<float>.Zero;
        for (var i = 0L; i < n; i += Lanes.Count) sums = Vector512.FusedMultiplyAdd(Lanes.Load(a, i, n), Lanes.Load(b, i, n), sums);
        return Vector512.Sum(sums);
    }
}
