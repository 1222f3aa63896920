using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>Memory of a plan's weights in the layout in which its kernels read them, freed with the plan.</summary>
internal sealed unsafe class StepWeights : IDisposable
{
    private const nuint Alignment = 64;

    private readonly List<nint> _all = [];

    /// <summary>Memory of so many elements, aligned for the widest loads; zeroed.</summary>
    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var bytes = checked((nuint)count * (nuint)sizeof(T));
        var memory = (T*)NativeMemory.AlignedAlloc(Math.Max(bytes, 1), Alignment);
        NativeMemory.Clear(memory, bytes);
        _all.Add((nint)memory);
        return memory;
    }

    /// <summary>A copy.</summary>
    public T* Copy<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var memory = Allocate<T>(values.Length);
        values.CopyTo(new Span<T>(memory, values.Length));
        return memory;
    }

    public void Dispose()
    {
        foreach (var memory in _all) NativeMemory.AlignedFree((void*)memory);
        _all.Clear();
    }
}
