using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Rotary position embedding on the CPU: one pass, with sines and cosines from a table.</summary>
internal static unsafe class CpuRope
{
    public static void Rotate(
        Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position, bool inverse, Tensor y, RopeScaling scaling, Tensor? positions)
    {
        if (Cpu.IsBf16(x)) Rotate<Bf16>(x, batch, sequence, heads, kvHeads, theta, position, inverse, y, scaling, positions);
        else if (Cpu.IsFp16(x)) Rotate<Fp16>(x, batch, sequence, heads, kvHeads, theta, position, inverse, y, scaling, positions);
        else Rotate<Fp32>(x, batch, sequence, heads, kvHeads, theta, position, inverse, y, scaling, positions);
    }

    private static void Rotate<T>(
        Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position, bool inverse, Tensor y, RopeScaling scaling, Tensor? positions)
        where T : unmanaged, IElement<T>
    {
        var half = x.size(1) / (heads + (2 * kvHeads)) / 2;
        var at = positions is null ? null : (long*)Cpu.Elements(positions, ScalarType.Int64, (long)batch * sequence);
        fixed (float* table = RopeTables.Of(half, theta, scaling, positions is null ? position + sequence : Last(at, positions.numel()) + 1))
        {
            Threads.For((long)batch * sequence, Cpu.RowGrain(x.size(1)), new Rows<T>
            {
                X = (T*)Cpu.Pointer(x), Y = (T*)Cpu.Pointer(y), Table = table + (position * 2 * half), Positions = at, Sequence = sequence,
                Half = half, Rotated = heads + kvHeads, Kept = kvHeads, Sign = inverse ? -1 : 1,
            });
        }
    }

    /// <exception cref="ArgumentException">A position is negative or too large.</exception>
    private static int Last(long* positions, long count)
    {
        var last = 0L;
        for (var i = 0L; i < count; i++)
        {
            if (positions[i] is < 0 or > int.MaxValue / 2) throw new ArgumentException($"{positions[i]} is no position of a token.", nameof(positions));
            last = Math.Max(last, positions[i]);
        }

        return (int)last;
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y;
        public float* Table;
        public long* Positions;
        public long Sequence, Half, Rotated, Kept;
        public float Sign;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (width, sign) = ((Rotated + Kept) * 2 * Half, Vector512.Create(Sign));
            for (var row = begin; row < end; row++)
            {
                Fp32* cosines = (Fp32*)(Table + ((Positions == null ? row % Sequence : Positions[row]) * 2 * Half)), sines = cosines + Half;
                T* x = X + (row * width), y = Y + (row * width);
                for (var head = 0L; head < Rotated; head++, x += 2 * Half, y += 2 * Half)
                {
                    for (var i = 0L; i < Half; i += Lanes.Count)
                    {
                        var (cosine, sine) = (Lanes.Load(cosines, i, Half), Lanes.Load(sines, i, Half) * sign);
                        var (first, second) = (Lanes.Load(x, i, Half), Lanes.Load(x + Half, i, Half));
                        Lanes.Store(y, i, Half, (first * cosine) - (second * sine));
                        Lanes.Store(y + Half, i, Half, (second * cosine) + (first * sine));
                    }
                }

                if (x != y) new Span<T>(x, (int)(Kept * 2 * Half)).CopyTo(new Span<T>(y, (int)(Kept * 2 * Half)));
            }
        }
    }
}
