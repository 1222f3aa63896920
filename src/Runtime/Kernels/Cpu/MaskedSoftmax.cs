using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What becomes of scores before the softmax.</summary>
internal interface IScoreCap
{
    /// <summary>The score of a scaled product; −∞ stays.</summary>
    static abstract Vector512<float> Apply(Vector512<float> score, float cap);

    /// <summary>The derivative by what <see cref="Apply"/> gave.</summary>
    static abstract Vector512<float> Slope(Vector512<float> capped, float cap);
}

/// <summary>Scores as they are.</summary>
internal readonly struct NoCap : IScoreCap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> score, float cap) => score;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Slope(Vector512<float> capped, float cap) => Vector512<float>.One;
}

/// <summary>c · tanh(s / c) = c · (2σ(2s / c) − 1)</summary>
internal readonly struct TanhCap : IScoreCap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> score, float cap)
    {
        var capped = Vector512.FusedMultiplyAdd(Lanes.Sigmoid(score * Vector512.Create(2 / cap)), Vector512.Create(2 * cap), Vector512.Create(-cap));
        var nothing = Vector512.Create(float.NegativeInfinity);
        return Vector512.ConditionalSelect(Vector512.Equals(score, nothing), nothing, capped);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Slope(Vector512<float> capped, float cap)
    {
        var tanh = capped * Vector512.Create(1 / cap);
        return Vector512<float>.One - (tanh * tanh);
    }
}

/// <summary>The parts of attention between its matrix products, over the keys of a row of scores that its query sees.</summary>
internal static unsafe class MaskedSoftmax
{
    /// <summary>Softmax of the first n scores of a row in place, zeros behind them; returns the row's log of the sum of exponentials.</summary>
    /// <param name="row">Scores before scaling.</param>
    /// <param name="n">Number of keys that the row's query sees.</param>
    /// <param name="width">Length of the row.</param>
    /// <param name="scale">1/√D</param>
    /// <param name="cap">Of the scores, where there is one.</param>
    /// <param name="buffer">width + 16 floats of scratch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Forward<T, TCap>(T* row, long n, long width, float scale, float cap, float* buffer)
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap
    {
        var factor = Vector512.Create(scale);
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < n; i += Lanes.Count)
        {
            var scores = TCap.Apply(Lanes.Load(row, i, n, float.NegativeInfinity) * factor, cap);
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
    /// dS = P · (dP − delta) · scale, times the slope of the cap, both in place; zeros behind them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<T, TCap>(T* scores, T* gradient, long n, long width, float scale, float cap, float lse, float delta)
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap
    {
        var (factor, offset, shift) = (Vector512.Create(scale), Vector512.Create(lse), Vector512.Create(delta));
        var whole = n - (n % Lanes.Count);
        for (var i = 0L; i < whole; i += Lanes.Count)
        {
            var capped = TCap.Apply(T.Load(scores + i) * factor, cap);
            var probabilities = Lanes.Exp(capped - offset);
            T.Store(gradient + i, probabilities * (T.Load(gradient + i) - shift) * factor * TCap.Slope(capped, cap));
            T.Store(scores + i, probabilities);
        }

        // Whole lanes at the end too, where the row has room: what the query does not see becomes zero.
        var end = Math.Min(width, whole + Lanes.Count);
        if (whole < n)
        {
            var capped = TCap.Apply(Lanes.Load(scores, whole, end) * factor, cap);
            var probabilities = Lanes.First(Lanes.Exp(capped - offset), n - whole);
            Lanes.Store(gradient, whole, end, probabilities * (Lanes.Load(gradient, whole, end) - shift) * factor * TCap.Slope(capped, cap));
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
