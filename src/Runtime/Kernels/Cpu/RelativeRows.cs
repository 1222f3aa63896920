using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The rows of one sequence of relative attention as heads that lie one behind the other, and back.</summary>
internal static unsafe class RelativeRows
{
    /// <summary>The first position that each query of a sequence sees; null for the first of all.</summary>
    public static long* Visible(in RelativeInputs x, int b) =>
        x.Visible is null ? null : (long*)Cpu.Elements(x.Visible, TorchSharp.torch.ScalarType.Int64, (long)x.Batch * x.Sequence) + ((long)b * x.Sequence);

    /// <summary>Queries with either bias [H, T, D], keys and values of memory and segment [H, M + T, D].</summary>
    public static void Pack<T>(in RelativeInputs x, int b, T* qu, T* qv, T* k, T* v)
        where T : unmanaged, IElement<T>
    {
        var (t, m, d, w) = ((long)x.Sequence, x.Memory, x.HeadWidth, x.Width);
        Threads.For(t, Cpu.RowGrain(w), new BiasedRows<T>
        {
            Q = (T*)Cpu.Pointer(x.Q) + (b * t * w), U = (Fp32*)Cpu.Floats(x.U), V = (Fp32*)Cpu.Floats(x.V), Qu = qu, Qv = qv,
            Heads = x.Heads, Columns = d, Sequence = t,
        });
        var segment = (T*)Cpu.Pointer(x.Kv) + (b * t * 2 * w);
        HeadRows.Copy(segment, 2 * w, d, k + (m * d), d, (m + t) * d, t, d, x.Heads);
        HeadRows.Copy(segment + w, 2 * w, d, v + (m * d), d, (m + t) * d, t, d, x.Heads);
        if (x.MemoryKv is null) return;
        var memory = (T*)Cpu.Pointer(x.MemoryKv) + (b * m * 2 * w);
        HeadRows.Copy(memory, 2 * w, d, k, d, (m + t) * d, m, d, x.Heads);
        HeadRows.Copy(memory + w, 2 * w, d, v, d, (m + t) * d, m, d, x.Heads);
    }

    /// <summary>The gradients of the queries, which are those with either bias together, and of keys and values.</summary>
    public static void Unpack<T>(in RelativeInputs x, int b, in RelativeGradients into, T* dqu, T* dqv, T* dk, T* dv)
        where T : unmanaged, IElement<T>
    {
        var (t, m, d, w) = ((long)x.Sequence, x.Memory, x.HeadWidth, x.Width);
        Threads.For(t, Cpu.RowGrain(w), new SummedRows<T>
        {
            A = dqu, B = dqv, Into = (T*)Cpu.Pointer(into.Q) + (b * t * w), Heads = x.Heads, Columns = d, Sequence = t,
        });
        var segment = (T*)Cpu.Pointer(into.Kv) + (b * t * 2 * w);
        HeadRows.Copy(dk + (m * d), d, (m + t) * d, segment, 2 * w, d, t, d, x.Heads);
        HeadRows.Copy(dv + (m * d), d, (m + t) * d, segment + w, 2 * w, d, t, d, x.Heads);
        if (into.MemoryKv is null) return;
        var memory = (T*)Cpu.Pointer(into.MemoryKv) + (b * m * 2 * w);
        HeadRows.Copy(dk, d, (m + t) * d, memory, 2 * w, d, m, d, x.Heads);
        HeadRows.Copy(dv, d, (m + t) * d, memory + w, 2 * w, d, m, d, x.Heads);
    }

    /// <summary>Adds matrices [H, rows, D] to fp32 sums: of each element [H, rows, D], or over the rows [H, D].</summary>
    public static void Add<T>(T* values, long heads, long count, long columns, float* sums, bool rows)
        where T : unmanaged, IElement<T> => Threads.For(heads, Cpu.RowGrain(count * columns), new AddedRows<T>
        {
            Values = values, Sums = (Fp32*)sums, Count = count, Columns = columns, Step = rows ? columns : 0,
        });

    /// <summary>Sums [H, rows, D] as packed rows [rows, H·D] of the compute type.</summary>
    public static void Store<T>(float* sums, long heads, long count, long columns, T* into)
        where T : unmanaged, IElement<T> => Threads.For(count, Cpu.RowGrain(heads * columns), new StoredRows<T>
        {
            Sums = (Fp32*)sums, Into = into, Heads = heads, Count = count, Columns = columns,
        });

    private struct BiasedRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Q, Qu, Qv;
        public Fp32* U, V;
        public long Heads, Columns, Sequence;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                for (var head = 0L; head < Heads; head++)
                {
                    var (from, into) = (head * Columns, ((head * Sequence) + row) * Columns);
                    var q = Q + (row * Heads * Columns) + from;
                    for (var i = 0L; i < Columns; i += Lanes.Count)
                    {
                        var query = Lanes.Load(q, i, Columns);
                        Lanes.Store(Qu + into, i, Columns, query + Lanes.Load(U + from, i, Columns));
                        Lanes.Store(Qv + into, i, Columns, query + Lanes.Load(V + from, i, Columns));
                    }
                }
            }
        }
    }

    private struct SummedRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* A, B, Into;
        public long Heads, Columns, Sequence;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                for (var head = 0L; head < Heads; head++)
                {
                    var (from, into) = (((head * Sequence) + row) * Columns, ((row * Heads) + head) * Columns);
                    for (var i = 0L; i < Columns; i += Lanes.Count)
                        Lanes.Store(Into + into, i, Columns, Lanes.Load(A + from, i, Columns) + Lanes.Load(B + from, i, Columns));
                }
            }
        }
    }

    private struct AddedRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Values;
        public Fp32* Sums;
        public long Count, Columns, Step;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var head = begin; head < end; head++)
            {
                var sums = Sums + (head * (Step == 0 ? Columns : Count * Columns));
                for (var row = 0L; row < Count; row++)
                {
                    var values = Values + (((head * Count) + row) * Columns);
                    var into = sums + (row * Step);
                    for (var i = 0L; i < Columns; i += Lanes.Count)
                        Lanes.Store(into, i, Columns, Lanes.Load(into, i, Columns) + Lanes.Load(values, i, Columns));
                }
            }
        }
    }

    private struct StoredRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public Fp32* Sums;
        public T* Into;
        public long Heads, Count, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                for (var head = 0L; head < Heads; head++)
                {
                    var from = Sums + (((head * Count) + row) * Columns);
                    var into = Into + (((row * Heads) + head) * Columns);
                    for (var i = 0L; i < Columns; i += Lanes.Count) Lanes.Store(into, i, Columns, Lanes.Load(from, i, Columns));
                }
            }
        }
    }
}
