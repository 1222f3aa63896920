using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// The parts of relative attention between its matrix products, over rows of scores by content and by distance. The efficient
/// shift of Dai et al. 2019 is where a row of scores by distance is read from: position s of a query is its element s + shift.
/// </summary>
internal static unsafe class RelativeSoftmax
{
    /// <summary>Softmax of scores first to end of a row in place, zeros around them; returns the log of the sum of exponentials.</summary>
    /// <param name="row">Scores by content before scaling.</param>
    /// <param name="distances">Scores by distance, from that of position 0 on.</param>
    /// <param name="first">The first position that the query sees.</param>
    /// <param name="end">The position behind the last that it sees.</param>
    /// <param name="width">Length of the row.</param>
    /// <param name="scale">1/√D</param>
    /// <param name="buffer">width + 16 floats of scratch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Forward<T>(T* row, T* distances, long first, long end, long width, float scale, float* buffer)
        where T : unmanaged, IElement<T>
    {
        var (factor, maxima) = (Vector512.Create(scale), Vector512.Create(float.NegativeInfinity));
        for (var i = first; i < end; i += Lanes.Count)
        {
            var scores = (Lanes.Load(row, i, end, float.NegativeInfinity) + Lanes.Load(distances, i, end)) * factor;
            scores.Store(buffer + i - first);
            maxima = Vector512.Max(maxima, scores);
        }

        var maximum = Lanes.Max(maxima);
        var (offset, sums) = (Vector512.Create(maximum), Vector512<float>.Zero);
        for (var i = 0L; i < end - first; i += Lanes.Count)
        {
            var exponentials = Lanes.Exp(Vector512.Load(buffer + i) - offset);
            exponentials.Store(buffer + i);
            sums += exponentials;
        }

        var sum = Vector512.Sum(sums);
        var inverse = Vector512.Create(1 / sum);
        for (var i = first; i < end; i += Lanes.Count) Lanes.Store(row, i, end, Vector512.Load(buffer + i - first) * inverse);
        Clear(row, 0, first);
        Clear(row, end, width);
        return maximum + MathF.Log(sum);
    }

    /// <summary>
    /// Turns the scores by content into probabilities P, the gradient dP of those into that of the scores,
    /// dS = P · (dP − delta) · scale, and the scores by distance into the same dS, all in place; zeros around them.
    /// </summary>
    /// <param name="shift">Where position 0 lies in the row of scores by distance.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<T>(
        T* scores, T* distances, T* gradient, long shift, long first, long end, long width, float scale, float lse, float delta)
        where T : unmanaged, IElement<T>
    {
        var (factor, offset, less) = (Vector512.Create(scale), Vector512.Create(lse), Vector512.Create(delta));
        for (var i = first; i < end; i += Lanes.Count)
        {
            var sum = (Lanes.Load(scores, i, end) + Lanes.Load(distances + shift, i, end)) * factor;
            var probabilities = Lanes.Exp(sum - offset);
            var dScores = probabilities * (Lanes.Load(gradient, i, end) - less) * factor;
            Lanes.Store(scores, i, end, probabilities);
            Lanes.Store(gradient, i, end, dScores);
            Lanes.Store(distances + shift, i, end, dScores);
        }

        Clear(scores, 0, first);
        Clear(scores, end, width);
        Clear(gradient, 0, first);
        Clear(gradient, end, width);
        Clear(distances, 0, shift + first);
        Clear(distances, shift + end, width);
    }

    private static void Clear<T>(T* row, long begin, long end)
        where T : unmanaged => new Span<T>(row + begin, (int)(end - begin)).Clear();
}
