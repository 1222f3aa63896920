using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Heads of packed rows as matrices that lie one behind the other, and views of those, for batched products: products of
/// strided operands run at half the speed.
/// </summary>
internal static unsafe class HeadRows
{
    /// <summary>[heads, rows, columns] of the scratch, contiguous rows.</summary>
    public static NativeTensor View(Tensor scratch, long heads, long rows, long columns, long stride, long offset) =>
        NativeTensor.View(scratch, [heads, rows, columns], [stride, columns, 1], offset);

    /// <summary>[heads, rows, columns], the transpose of contiguous [heads, columns, rows].</summary>
    public static NativeTensor Transposed(Tensor scratch, long heads, long rows, long columns, long stride, long offset) =>
        NativeTensor.View(scratch, [heads, rows, columns], [stride, 1, rows], offset);

    /// <summary>Copies the heads of packed rows, each of some columns, into matrices one behind the other.</summary>
    public static void Pack<T>(T* rows, long stride, T* packed, long sequence, long columns, long heads)
        where T : unmanaged =>
        Copy(rows, stride, columns, packed, columns, sequence * columns, sequence, columns, heads);

    public static void Unpack<T>(T* packed, T* rows, long stride, long sequence, long columns, long heads)
        where T : unmanaged =>
        Copy(packed, columns, sequence * columns, rows, stride, columns, sequence, columns, heads);

    /// <summary>Copies some columns of the rows of each head from one place to another; distances between rows and heads are in elements.</summary>
    public static void Copy<T>(
        T* from, long fromRow, long fromHead, T* into, long intoRow, long intoHead, long sequence, long columns, long heads)
        where T : unmanaged =>
        Threads.For(sequence, Cpu.RowGrain(heads * columns), new CopyRows<T>
        {
            From = from, FromRow = fromRow, FromHead = fromHead, Into = into, IntoRow = intoRow, IntoHead = intoHead, Heads = heads, Columns = columns,
        });

    /// <summary>Row by row: the heads of a packed row lie side by side.</summary>
    private struct CopyRows<T> : IRange
        where T : unmanaged
    {
        public T* From, Into;
        public long FromRow, FromHead, IntoRow, IntoHead, Heads, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var bytes = Columns * sizeof(T);
            for (var row = begin; row < end; row++)
            {
                for (var head = 0L; head < Heads; head++)
                {
                    byte* from = (byte*)(From + (head * FromHead) + (row * FromRow)), into = (byte*)(Into + (head * IntoHead) + (row * IntoRow));
                    var i = 0L;
                    for (; i + Vector512<byte>.Count <= bytes; i += Vector512<byte>.Count) Vector512.Load(from + i).Store(into + i);
                    for (; i < bytes; i++) into[i] = from[i];
                }
            }
        }
    }
}
