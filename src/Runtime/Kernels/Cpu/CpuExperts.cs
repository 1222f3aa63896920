using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The ways from positions to rows of experts and back on the CPU, each in one pass.</summary>
internal static unsafe class CpuExperts
{
    public static void Dispatch(Tensor x, Tensor sources, Tensor rows)
    {
        if (Cpu.IsBf16(x)) Dispatch<Bf16>(x, sources, rows);
        else if (Cpu.IsFp16(x)) Dispatch<Fp16>(x, sources, rows);
        else Dispatch<Fp32>(x, sources, rows);
    }

    /// <param name="gates">Null for ones.</param>
    public static void Combine(Tensor rows, Tensor? gates, Tensor slots, Tensor y)
    {
        if (Cpu.IsBf16(rows)) Combine<Bf16>(rows, gates, slots, y);
        else if (Cpu.IsFp16(rows)) Combine<Fp16>(rows, gates, slots, y);
        else Combine<Fp32>(rows, gates, slots, y);
    }

    public static void CombineGrad(Tensor dy, Tensor rows, Tensor gates, Tensor sources, Tensor dRows, Tensor dGates)
    {
        if (Cpu.IsBf16(dy)) CombineGrad<Bf16>(dy, rows, gates, sources, dRows, dGates);
        else if (Cpu.IsFp16(dy)) CombineGrad<Fp16>(dy, rows, gates, sources, dRows, dGates);
        else CombineGrad<Fp32>(dy, rows, gates, sources, dRows, dGates);
    }

    private static void Dispatch<T>(Tensor x, Tensor sources, Tensor rows)
        where T : unmanaged, IElement<T> =>
        Threads.For(rows.size(0), Cpu.RowGrain(x.size(1)), new Copies<T>
        {
            X = (T*)Cpu.Pointer(x), Rows = (T*)Cpu.Pointer(rows), Sources = (long*)Cpu.Pointer(sources), Choices = sources.size(1), Width = x.size(1),
        });

    private static void Combine<T>(Tensor rows, Tensor? gates, Tensor slots, Tensor y)
        where T : unmanaged, IElement<T> =>
        Threads.For(y.size(0), Cpu.RowGrain(rows.size(1) * slots.size(1)), new Sums<T>
        {
            Rows = (T*)Cpu.Pointer(rows), Y = (T*)Cpu.Pointer(y), Gates = gates is null ? null : Cpu.Floats(gates),
            Slots = (long*)Cpu.Pointer(slots), Choices = slots.size(1), Width = rows.size(1),
        });

    private static void CombineGrad<T>(Tensor dy, Tensor rows, Tensor gates, Tensor sources, Tensor dRows, Tensor dGates)
        where T : unmanaged, IElement<T>
    {
        new Span<float>(Cpu.Floats(dGates), (int)dGates.numel()).Clear();
        Threads.For(rows.size(0), Cpu.RowGrain(2 * rows.size(1)), new Gradients<T>
        {
            Dy = (T*)Cpu.Pointer(dy), Rows = (T*)Cpu.Pointer(rows), DRows = (T*)Cpu.Pointer(dRows), Gates = Cpu.Floats(gates), DGates = Cpu.Floats(dGates),
            Sources = (long*)Cpu.Pointer(sources), Choices = sources.size(1), Width = rows.size(1),
        });
    }

    private struct Copies<T> : IRange
        where T : unmanaged
    {
        public T* X, Rows;
        public long* Sources;
        public long Choices, Width;

        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var into = new Span<T>(Rows + (row * Width), (int)Width);
                if (Sources[row] < 0) into.Clear();
                else new Span<T>(X + (Sources[row] / Choices * Width), (int)Width).CopyTo(into);
            }
        }
    }

    private struct Sums<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Rows, Y;
        public float* Gates;
        public long* Slots;
        public long Choices, Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var n = begin; n < end; n++)
            {
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var sum = Vector512<float>.Zero;
                    for (var choice = n * Choices; choice < (n + 1) * Choices; choice++)
                    {
                        if (Slots[choice] < 0) continue;
                        var gate = Vector512.Create(Gates is null ? 1 : Gates[choice]);
                        sum = Vector512.FusedMultiplyAdd(gate, Lanes.Load(Rows + (Slots[choice] * Width), i, Width), sum);
                    }

                    Lanes.Store(Y + (n * Width), i, Width, sum);
                }
            }
        }
    }

    private struct Gradients<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, Rows, DRows;
        public float* Gates, DGates;
        public long* Sources;
        public long Choices, Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var choice = Sources[row];
                var into = DRows + (row * Width);
                if (choice < 0)
                {
                    new Span<T>(into, (int)Width).Clear();
                    continue;
                }

                var dy = Dy + (choice / Choices * Width);
                var gate = Vector512.Create(Gates[choice]);
                DGates[choice] = MaskedSoftmax.Dot(Rows + (row * Width), dy, Width);
                for (var i = 0L; i < Width; i += Lanes.Count) Lanes.Store(into, i, Width, gate * Lanes.Load(dy, i, Width));
            }
        }
    }
}
