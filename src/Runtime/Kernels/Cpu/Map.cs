using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>A function of each element.</summary>
internal interface IUnary
{
    static abstract Vector512<float> Apply(Vector512<float> x);
}

/// <summary>A function of each pair of elements.</summary>
internal interface IBinary
{
    static abstract Vector512<float> Apply(Vector512<float> a, Vector512<float> b);
}

/// <summary>Elementwise kernels on the CPU, calculated in fp32 and rounded once. The output may be an input.</summary>
internal static unsafe class Map
{
    public static void Unary<TFunction>(Tensor x, Tensor y)
        where TFunction : struct, IUnary => UnaryOr<TFunction, TFunction>(x, y);

    public static void Binary<TFunction>(Tensor a, Tensor b, Tensor y)
        where TFunction : struct, IBinary => BinaryOr<TFunction, TFunction>(a, b, y);

    /// <summary>With a function of its own for bf16, exact to its 8 bits.</summary>
    public static void UnaryOr<TFunction, TCoarse>(Tensor x, Tensor y)
        where TFunction : struct, IUnary
        where TCoarse : struct, IUnary
    {
        if (Cpu.IsBf16(x)) Unary<Bf16, TCoarse>(x, y);
        else if (Cpu.IsFp16(x)) Unary<Fp16, TFunction>(x, y);
        else Unary<Fp32, TFunction>(x, y);
    }

    /// <summary>With a function of its own for bf16, exact to its 8 bits.</summary>
    public static void BinaryOr<TFunction, TCoarse>(Tensor a, Tensor b, Tensor y)
        where TFunction : struct, IBinary
        where TCoarse : struct, IBinary
    {
        if (Cpu.IsBf16(a)) Binary<Bf16, TCoarse>(a, b, y);
        else if (Cpu.IsFp16(a)) Binary<Fp16, TFunction>(a, b, y);
        else Binary<Fp32, TFunction>(a, b, y);
    }

    private static void Unary<T, TFunction>(Tensor x, Tensor y)
        where T : unmanaged, IElement<T>
        where TFunction : struct, IUnary
    {
        var length = x.numel();
        For(length, new UnaryRange<T, TFunction>
        {
            X = Cpu.Elements<T>(x, length), Y = Cpu.Elements<T>(y, length), Length = length,
        });
    }

    /// <summary>Iterations are groups of 16 lanes, so that no two threads share one.</summary>
    private static void For<TRange>(long length, TRange range)
        where TRange : struct, IRange =>
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, range);

    private static void Binary<T, TFunction>(Tensor a, Tensor b, Tensor y)
        where T : unmanaged, IElement<T>
        where TFunction : struct, IBinary
    {
        var length = a.numel();
        For(length, new BinaryRange<T, TFunction>
        {
            A = Cpu.Elements<T>(a, length), B = Cpu.Elements<T>(b, length), Y = Cpu.Elements<T>(y, length), Length = length,
        });
    }

    private struct UnaryRange<T, TFunction> : IRange
        where T : unmanaged, IElement<T>
        where TFunction : struct, IUnary
    {
        public T* X, Y;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var stop = Math.Min(Length, end * Lanes.Count);
            for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count)
                Lanes.Store(Y, i, Length, TFunction.Apply(Lanes.Load(X, i, Length)));
        }
    }

    private struct BinaryRange<T, TFunction> : IRange
        where T : unmanaged, IElement<T>
        where TFunction : struct, IBinary
    {
        public T* A, B, Y;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var stop = Math.Min(Length, end * Lanes.Count);
            for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count)
                Lanes.Store(Y, i, Length, TFunction.Apply(Lanes.Load(A, i, Length), Lanes.Load(B, i, Length)));
        }
    }
}
