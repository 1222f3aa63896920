using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>AdamW with moments of 8 bits on the CPU: in one pass each block is widened, updated and rounded again.</summary>
internal static unsafe class CpuAdamW8Bit
{
    /// <summary>Elements that share a scale, the largest magnitude among them.</summary>
    public const int Block = 256;

    /// <summary>Addresses and constants of a step over <see cref="Length"/> elements.</summary>
    public struct Arguments
    {
        public float* Parameters, Gradients, Scale1, Scale2;
        public byte* Moment1, Moment2;
        public long Length;
        public float Scale, Beta1, Beta2, Epsilon, Keep, Rate, Root2;
    }

    public static void Run(in Arguments arguments)
    {
        fixed (float* values1 = DynamicMap.Signed.Values, limits1 = DynamicMap.Signed.Limits, values2 = DynamicMap.Unsigned.Values, limits2 = DynamicMap.Unsigned.Limits)
        fixed (byte* first1 = DynamicMap.Signed.First, first2 = DynamicMap.Unsigned.First)
        {
            Threads.For((arguments.Length + Block - 1) / Block, Cpu.Grain / Block, new Blocks
            {
                A = arguments,
                Map1 = new Map { Values = values1, Limits = limits1, First = first1 },
                Map2 = new Map { Values = values2, Limits = limits2, First = first2 },
            });
        }
    }

    private struct Map
    {
        public float* Values, Limits;
        public byte* First;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Widen(byte* codes, float scale, int count, float* into)
        {
            for (var i = 0; i < count; i++) into[i] = Values[codes[i]] * scale;
        }

        /// <param name="least">The least code of what is not zero.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Round(float* values, float largest, int count, int least, byte* into)
        {
            var inverse = largest > 0 ? 1 / largest : 0;
            for (var i = 0; i < count; i++)
            {
                var value = values[i] * inverse;
                int code = First[BitConverter.SingleToUInt32Bits(value) >> 16];
                code += value > Limits[code] ? 1 : 0;
                into[i] = (byte)(value != 0 ? Math.Max(code, least) : code);
            }
        }
    }

    private struct Blocks : IRange
    {
        public Arguments A;
        public Map Map1, Map2;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (a, map1, map2) = (A, Map1, Map2);
            float* m = stackalloc float[Block], v = stackalloc float[Block];
            var (scale, beta1, beta2) = (Vector512.Create(a.Scale), Vector512.Create(a.Beta1), Vector512.Create(a.Beta2));
            var (rest1, rest2) = (Vector512.Create(1 - a.Beta1), Vector512.Create(1 - a.Beta2));
            var (epsilon, keep, rate, root2) = (Vector512.Create(a.Epsilon), Vector512.Create(a.Keep), Vector512.Create(-a.Rate), Vector512.Create(a.Root2));
            for (var block = begin; block < end; block++)
            {
                var offset = block * Block;
                var count = (int)Math.Min(Block, a.Length - offset);
                map1.Widen(a.Moment1 + offset, a.Scale1[block], count, m);
                map2.Widen(a.Moment2 + offset, a.Scale2[block], count, v);
                var (largest1, largest2) = (Vector512<float>.Zero, Vector512<float>.Zero);
                Fp32* p = (Fp32*)(a.Parameters + offset), g = (Fp32*)(a.Gradients + offset);
                for (var i = 0; i < count; i += Lanes.Count)
                {
                    var gradient = Lanes.Load(g, i, count) * scale;
                    var first = Vector512.FusedMultiplyAdd(Lanes.Load((Fp32*)m, i, count), beta1, gradient * rest1);
                    var second = Vector512.FusedMultiplyAdd(Lanes.Load((Fp32*)v, i, count), beta2, gradient * gradient * rest2);
                    var move = first * rate / Vector512.FusedMultiplyAdd(Vector512.Sqrt(second), root2, epsilon);
                    Lanes.Store(p, i, count, Vector512.FusedMultiplyAdd(Lanes.Load(p, i, count), keep, move));
                    Lanes.Store((Fp32*)m, i, count, first);
                    Lanes.Store((Fp32*)v, i, count, second);
                    largest1 = Vector512.Max(largest1, Vector512.Abs(first));
                    largest2 = Vector512.Max(largest2, second);
                }

                a.Scale1[block] = Lanes.Max(largest1);
                a.Scale2[block] = Lanes.Max(largest2);
                map1.Round(m, a.Scale1[block], count, least: 0, a.Moment1 + offset);
                // A second moment that is not zero never becomes zero: the update divides by its root.
                map2.Round(v, a.Scale2[block], count, least: 1, a.Moment2 + offset);
            }
        }
    }
}
