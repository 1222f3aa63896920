using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Native;

/// <summary>Part of a loop that any thread may run.</summary>
internal interface IRange
{
    /// <summary>
    /// Runs the iterations from begin up to, not including, end. Must not throw: its caller may be a native thread. Long loops
    /// want <c>AggressiveOptimization</c>: vector code is slow until the JIT has optimized it, which else takes many steps.
    /// </summary>
    void Run(long begin, long end);
}

/// <summary>
/// Loops on libtorch's own threads, so that its kernels and ours never compete for cores. As many as
/// <c>torch.set_num_threads</c> says; within a range, libtorch's kernels run on that thread alone.
/// </summary>
internal static unsafe class Threads
{
    /// <summary>Runs a body over 0..count in contiguous ranges.</summary>
    /// <param name="count">Number of iterations.</param>
    /// <param name="grain">Iterations too few to be worth a second thread.</param>
    /// <param name="body">Its state is shared by all ranges, which must write to different places.</param>
    public static void For<TRange>(long count, long grain, TRange body)
        where TRange : struct, IRange
    {
        if (count <= grain)
        {
            if (count > 0) body.Run(0, count);
            return;
        }

        var context = new Context { Body = Unsafe.AsPointer(ref body), Run = &Invoke<TRange> };
        if (LibTorch.ParallelFor(0, count, grain, &Enter, &context) != 0)
            throw new NativeException("libtorch's parallel loop failed; its reason is on stderr.");
    }

    [UnmanagedCallersOnly]
    private static void Enter(long begin, long end, void* context)
    {
        var range = (Context*)context;
        range->Run(range->Body, begin, end);
    }

    private static void Invoke<TRange>(void* body, long begin, long end)
        where TRange : struct, IRange => Unsafe.AsRef<TRange>(body).Run(begin, end);

    private struct Context
    {
        public void* Body;
        public delegate*<void*, long, long, void> Run;
    }
}
