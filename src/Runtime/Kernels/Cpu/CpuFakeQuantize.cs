using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Fake quantization on the CPU: each group is read for its range, and again from the cache to be rounded.</summary>
internal static unsafe class CpuFakeQuantize
{
    public static void Run(Tensor x, int bits, int group, bool symmetric, Tensor y)
    {
        if (Cpu.IsBf16(y)) Run<Bf16>(x, bits, group, symmetric, y);
        else if (Cpu.IsFp16(y)) Run<Fp16>(x, bits, group, symmetric, y);
        else Run<Fp32>(x, bits, group, symmetric, y);
    }

    private static void Run<T>(Tensor x, int bits, int group, bool symmetric, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var (rows, columns) = (x.size(0), x.size(1));
        Threads.For(rows, Cpu.RowGrain(columns), new Rows<T>
        {
            X = Cpu.Elements<Fp32>(x, rows * columns), Y = Cpu.Elements<T>(y, rows * columns), Columns = columns, Group = group,
            Smallest = -(1 << (bits - 1)), Largest = (1 << (bits - 1)) - 1, Symmetric = symmetric,
        });
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public Fp32* X;
        public T* Y;
        public long Columns, Group;
        public float Smallest, Largest;
        public bool Symmetric;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
                for (var start = 0L; start < Columns; start += Group)
                    RoundGroup(X + (row * Columns) + start, Y + (row * Columns) + start, Math.Min(Group, Columns - start));
        }

        private readonly void RoundGroup(Fp32* x, T* y, long count)
        {
            Vector512<float> leasts = default, mosts = default;
            for (var i = 0L; i < count; i += Lanes.Count)
            {
                var values = Lanes.Load(x, i, count);
                (leasts, mosts) = (Vector512.Min(leasts, values), Vector512.Max(mosts, values));
            }

            float least = -Lanes.Max(-leasts), most = Lanes.Max(mosts);
            var scale = Symmetric ? (most > -least ? most : least) / Smallest : (most - least) / (Largest - Smallest);
            // Nothing but zeros: any scale rounds them to themselves.
            if (scale == 0) scale = 1;
            var zero = Symmetric ? 0 : Math.Clamp(MathF.Round(Smallest - (least / scale)), Smallest, Largest);
            var (low, high) = (Vector512.Create(Smallest - zero), Vector512.Create(Largest - zero));
            for (var i = 0L; i < count; i += Lanes.Count)
            {
                var codes = Vector512.Round(Lanes.Load(x, i, count) / Vector512.Create(scale));
                Lanes.Store(y, i, count, Vector512.Min(high, Vector512.Max(low, codes)) * Vector512.Create(scale));
            }
        }
    }
}
