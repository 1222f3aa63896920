using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// The logits of a student and of its teacher for one row: their divergence at a temperature τ, and the gradient of the row's loss, which is
/// written over the student's. With q and p the student's and the teacher's softmax at τ and r = log q − log p (or q's from the mixture),
/// the gradient of KL(p ‖ q) by q's arguments is q − p, that of the other two a multiple of q · (r − Σ q r).
/// </summary>
internal readonly unsafe struct LogitPair<T, TTeacher>
    where T : unmanaged, IElement<T>
    where TTeacher : unmanaged, IElement<TTeacher>
{
    private readonly T* _x, _bias;
    private readonly TTeacher* _u, _teacherBias;
    private readonly long _width;
    private readonly DivergenceKind _kind;
    private readonly float _cold, _studentSum, _teacherSum, _center, _share, _temperature;
    private readonly Vector512<float> _logBeta, _logRest;

    /// <param name="x">The student's logits.</param>
    /// <param name="bias">Added to them, or null.</param>
    /// <param name="u">The teacher's logits.</param>
    /// <param name="teacherBias">Added to them, or null.</param>
    /// <param name="width">Their number.</param>
    /// <param name="divergence">How they are compared.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public LogitPair(T* x, T* bias, TTeacher* u, TTeacher* teacherBias, long width, in Divergence divergence)
    {
        _x = x;
        _bias = bias;
        _u = u;
        _teacherBias = teacherBias;
        (_width, _kind) = (width, divergence.Kind);
        var beta = (float)divergence.Beta;
        (_temperature, _cold, _share) = ((float)divergence.Temperature, (float)(1 / divergence.Temperature), _kind == DivergenceKind.JensenShannon ? 1 - beta : 1);
        (_logBeta, _logRest) = (Vector512.Create(MathF.Log(beta)), Vector512.Create(MathF.Log(1 - beta)));
        (_studentSum, _teacherSum) = (LogSumExp(x, bias, width, _cold), LogSumExp(u, teacherBias, width, _cold));

        var (forward, reverse) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0L; i < width; i += Lanes.Count)
        {
            var (q, p) = (Student(i), Teacher(i));
            var towards = Towards(q, p);
            if (_kind != DivergenceKind.ForwardKl) reverse += Lanes.First(Lanes.Exp(q) * (q - towards), width - i);
            if (_kind != DivergenceKind.ReverseKl) forward += Lanes.First(Lanes.Exp(p) * (p - towards), width - i);
        }

        _center = Vector512.Sum(reverse);
        var value = _kind switch
        {
            DivergenceKind.ForwardKl => Vector512.Sum(forward),
            DivergenceKind.ReverseKl => _center,
            _ => (beta * Vector512.Sum(forward)) + ((1 - beta) * _center),
        };
        Distance = (float)(divergence.Temperature * divergence.Temperature) * value;
    }

    /// <summary>τ² times the divergence.</summary>
    public float Distance { get; }

    /// <summary>plain · (softmax − one-hot) + distilled · the gradient of <see cref="Distance"/>, over the student's logits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteGradient(long target, float lse, float plain, float distilled)
    {
        var (offset, factor, slope, center) = (Vector512.Create(lse), Vector512.Create(plain), Vector512.Create(distilled * _share * _temperature), Vector512.Create(_center));
        for (var i = 0L; i < _width; i += Lanes.Count)
        {
            var (q, p) = (Student(i), Teacher(i));
            var probabilities = Lanes.Exp(CpuLosses.Logits(_x, _bias, i, _width) - offset);
            if (target - i is >= 0 and < Lanes.Count and var lane)
                probabilities = probabilities.WithElement((int)lane, probabilities[(int)lane] - 1);
            var pull = _kind == DivergenceKind.ForwardKl ? Lanes.Exp(q) - Lanes.Exp(p) : Lanes.Exp(q) * (q - Towards(q, p) - center);
            Lanes.Store(_x, i, _width, (probabilities * factor) + (pull * slope));
        }
    }

    /// <summary>What the student's logarithms are compared with, or the teacher's where those are given to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Towards(Vector512<float> q, Vector512<float> p)
    {
        if (_kind == DivergenceKind.ForwardKl) return q;
        if (_kind == DivergenceKind.ReverseKl) return p;
        var (a, b) = (p + _logBeta, q + _logRest);
        return Vector512.Max(a, b) + Vector512.Log(Vector512<float>.One + Lanes.Exp(-Vector512.Abs(a - b)));
    }

    /// <summary>Logarithms of the student's probabilities i..i + 15 at the temperature.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Student(long i) => (CpuLosses.Logits(_x, _bias, i, _width) * Vector512.Create(_cold)) - Vector512.Create(_studentSum);

    /// <summary>The same of the teacher.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Teacher(long i) => (CpuLosses.Logits(_u, _teacherBias, i, _width) * Vector512.Create(_cold)) - Vector512.Create(_teacherSum);

    /// <summary>The logarithm of the sum of the exponentials of a row's logits times a factor.</summary>
    private static float LogSumExp<TElement>(TElement* row, TElement* bias, long width, float factor)
        where TElement : unmanaged, IElement<TElement>
    {
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < width; i += Lanes.Count) maxima = Vector512.Max(maxima, CpuLosses.Logits(row, bias, i, width, float.NegativeInfinity));
        var (maximum, sums, scale) = (Lanes.Max(maxima), Vector512<float>.Zero, Vector512.Create(factor));
        var offset = Vector512.Create(maximum);
        for (var i = 0L; i < width; i += Lanes.Count) sums += Lanes.Exp((CpuLosses.Logits(row, bias, i, width, float.NegativeInfinity) - offset) * scale);
        return (maximum * factor) + MathF.Log(Vector512.Sum(sums));
    }
}
