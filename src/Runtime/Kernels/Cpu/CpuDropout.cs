using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Dropout on the CPU. Whether an element is kept depends only on the seed and its place: a hash of both, so that any number
/// of threads gives the same mask. (Mixing by Murmur3's finalizer, twice; Appleby 2011.)
/// </summary>
internal static unsafe class CpuDropout
{
    public static void Forward(Tensor x, double rate, ulong seed, Tensor y, Tensor mask)
    {
        if (Cpu.IsBf16(x)) Run<Bf16>(x, rate, seed, y, mask, draw: true);
        else if (Cpu.IsFp16(x)) Run<Fp16>(x, rate, seed, y, mask, draw: true);
        else Run<Fp32>(x, rate, seed, y, mask, draw: true);
    }

    public static void Backward(Tensor dy, Tensor mask, double rate, Tensor dx)
    {
        if (Cpu.IsBf16(dy)) Run<Bf16>(dy, rate, 0, dx, mask, draw: false);
        else if (Cpu.IsFp16(dy)) Run<Fp16>(dy, rate, 0, dx, mask, draw: false);
        else Run<Fp32>(dy, rate, 0, dx, mask, draw: false);
    }

    private static void Run<T>(Tensor x, double rate, ulong seed, Tensor y, Tensor mask, bool draw)
        where T : unmanaged, IElement<T>
    {
        var length = x.numel();
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Groups<T>
        {
            X = (T*)Cpu.Pointer(x), Y = (T*)Cpu.Pointer(y), Mask = (byte*)Cpu.Pointer(mask), Length = length, Draw = draw,
            Seed = seed, Threshold = (uint)(rate * uint.MaxValue), Scale = (float)(1 / (1 - rate)),
        });
    }

    private struct Groups<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y;
        public byte* Mask;
        public long Length;
        public bool Draw;
        public ulong Seed;
        public uint Threshold;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var scale = Vector512.Create(Scale);
            var rest = stackalloc byte[Lanes.Count];
            for (var group = begin; group < end; group++)
            {
                var at = group * Lanes.Count;
                var mask = Mask + at;
                if (at + Lanes.Count > Length)
                {
                    new Span<byte>(mask, (int)(Length - at)).CopyTo(new Span<byte>(rest, Lanes.Count));
                    mask = rest;
                }

                if (Draw) Keep(group).Store(mask);
                var kept = Vector512.ConvertToSingle(Widen(Vector128.Load(mask)));
                Lanes.Store(Y, at, Length, Lanes.Load(X, at, Length) * kept * scale);
                if (mask == rest) new Span<byte>(mask, (int)(Length - at)).CopyTo(new Span<byte>(Mask + at, Lanes.Count));
            }
        }

        private readonly Vector512<uint> Hash(long group)
        {
            var place = Vector512.Create((uint)group * Lanes.Count) + Vector512<uint>.Indices;
            var high = (uint)(group >> 28);
            return Mix(Mix(place ^ Vector512.Create((uint)Seed)) + Vector512.Create((uint)(Seed >> 32) ^ (high * 0x9E3779B9)));
        }

        private readonly Vector128<byte> Keep(long group)
        {
            var kept = Vector512.GreaterThanOrEqual(Hash(group), Vector512.Create(Threshold)) & Vector512<uint>.One;
            var narrow = Vector256.Narrow(kept.GetLower(), kept.GetUpper());
            return Vector128.Narrow(narrow.GetLower(), narrow.GetUpper());
        }

        private static Vector512<int> Widen(Vector128<byte> bytes)
        {
            var (lower, upper) = Vector128.Widen(bytes);
            return Vector512.Create(
                Vector256.Create(Vector128.WidenLower(lower), Vector128.WidenUpper(lower)),
                Vector256.Create(Vector128.WidenLower(upper), Vector128.WidenUpper(upper))).AsInt32();
        }

        private static Vector512<uint> Mix(Vector512<uint> hash)
        {
            hash = (hash ^ (hash >> 16)) * Vector512.Create(0x85EBCA6Bu);
            hash = (hash ^ (hash >> 13)) * Vector512.Create(0xC2B2AE35u);
            return hash ^ (hash >> 16);
        }
    }
}
