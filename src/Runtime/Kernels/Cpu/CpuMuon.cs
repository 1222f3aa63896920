using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What Muon does besides matrix products, on the CPU: one pass over the momentum before them, one over the parameters after.</summary>
internal static unsafe class CpuMuon
{
    private const long Piece = 16 * 1024;

    /// <summary>Pieces of a matrix: numbers of working memory that it needs.</summary>
    public static long Pieces(long length) => (length + Piece - 1) / Piece;

    /// <summary>
    /// m ← μ·m + s·g and x ← m, or s·g + μ·m with Nesterov's momentum, divided by its Frobenius norm, for each of some matrices.
    /// The norm does not depend on the number of threads.
    /// </summary>
    /// <param name="gradients">The first matrix; each next one lies <paramref name="stride"/> elements on.</param>
    /// <param name="momentum">The matrices one after another, as in <paramref name="x"/>.</param>
    /// <param name="partials">Working memory: count · <see cref="Pieces"/>.</param>
    public static void Direction<T>(
        float* gradients, long stride, float* momentum, T* x, long count, long length, float scale, float decay, bool nesterov, double* partials)
        where T : unmanaged, IElement<T>
    {
        var pieces = Pieces(length);
        Threads.For(count * pieces, 1, new Directions<T>
        {
            G = (Fp32*)gradients, M = (Fp32*)momentum, X = x, Squares = partials, Stride = stride, Length = length, Scale = scale, Decay = decay,
            Nesterov = nesterov,
        });
        for (var matrix = 0L; matrix < count; matrix++)
        {
            var square = 0.0;
            for (var piece = 0L; piece < pieces; piece++) square += partials[(matrix * pieces) + piece];
            partials[matrix] = 1 / (Math.Sqrt(square) + 1e-7);
        }

        Threads.For(count * pieces, 1, new Quotients<T> { X = x, Factors = partials, Length = length });
    }

    /// <summary>p ← keep·p − rate·x for each of some matrices.</summary>
    /// <param name="parameters">The first matrix; each next one lies <paramref name="stride"/> elements on.</param>
    public static void Apply<T>(float* parameters, long stride, T* x, long count, long length, float keep, float rate)
        where T : unmanaged, IElement<T> =>
        Threads.For(count * Pieces(length), 1, new Updates<T>
        {
            P = (Fp32*)parameters, X = x, Stride = stride, Length = length, Keep = Vector512.Create(keep), Rate = Vector512.Create(-rate),
        });

    private struct Directions<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public Fp32* G, M;
        public T* X;
        public double* Squares;
        public long Stride, Length;
        public float Scale, Decay;
        public bool Nesterov;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (pieces, scale, decay) = (Pieces(Length), Vector512.Create(Scale), Vector512.Create(Decay));
            for (var index = begin; index < end; index++)
            {
                var (matrix, piece) = Math.DivRem(index, pieces);
                Fp32* g = G + (matrix * Stride), m = M + (matrix * Length);
                var x = X + (matrix * Length);
                var (sum, stop) = (Vector512<float>.Zero, Math.Min(Length, (piece + 1) * Piece));
                for (var i = piece * Piece; i < stop; i += Lanes.Count)
                {
                    var gradient = Lanes.Load(g, i, Length) * scale;
                    var momentum = Vector512.FusedMultiplyAdd(Lanes.Load(m, i, Length), decay, gradient);
                    var direction = Nesterov ? Vector512.FusedMultiplyAdd(momentum, decay, gradient) : momentum;
                    Lanes.Store(m, i, Length, momentum);
                    Lanes.Store(x, i, Length, direction);
                    sum = Vector512.FusedMultiplyAdd(direction, direction, sum);
                }

                Squares[index] = Vector512.Sum(sum);
            }
        }
    }

    private struct Quotients<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X;
        public double* Factors;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var pieces = Pieces(Length);
            for (var index = begin; index < end; index++)
            {
                var (matrix, piece) = Math.DivRem(index, pieces);
                var x = X + (matrix * Length);
                var factor = Vector512.Create((float)Factors[matrix]);
                for (var i = piece * Piece; i < Math.Min(Length, (piece + 1) * Piece); i += Lanes.Count)
                    Lanes.Store(x, i, Length, Lanes.Load(x, i, Length) * factor);
            }
        }
    }

    private struct Updates<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public Fp32* P;
        public T* X;
        public long Stride, Length;
        public Vector512<float> Keep, Rate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var pieces = Pieces(Length);
            for (var index = begin; index < end; index++)
            {
                var (matrix, piece) = Math.DivRem(index, pieces);
                var p = P + (matrix * Stride);
                var x = X + (matrix * Length);
                for (var i = piece * Piece; i < Math.Min(Length, (piece + 1) * Piece); i += Lanes.Count)
                    Lanes.Store(p, i, Length, Vector512.FusedMultiplyAdd(Lanes.Load(x, i, Length), Rate, Lanes.Load(p, i, Length) * Keep));
            }
        }
    }
}
