using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>A plan's weights: those in its file, which is mapped, and those that are copied into the order in which kernels read them. Freed with the plan.</summary>
internal sealed unsafe class StepWeights : IDisposable
{
    private const nuint Alignment = 64;

    private readonly List<nint> _copies = [];
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _first;
    private readonly long _length;

    /// <param name="path">The file of an export's weights.</param>
    public StepWeights(string path)
    {
        _length = new FileInfo(path).Length;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        try
        {
            _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _file.Dispose();
            throw;
        }

        byte* first = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref first);
        _first = first + _view.PointerOffset;
    }

    /// <summary>Bytes of the file.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are none at that place.</exception>
    public byte* At(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _length - offset);
        return _first + offset;
    }

    /// <summary>Memory of so many elements, aligned for the widest loads; zeroed.</summary>
    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        // Fresh pages of the system are zero; only to clear them would touch them.
        var memory = (nuint)NativeMemory.AllocZeroed(checked(((nuint)count * (nuint)sizeof(T)) + Alignment));
        _copies.Add((nint)memory);
        return (T*)((memory + Alignment - 1) / Alignment * Alignment);
    }

    public void Dispose()
    {
        foreach (var memory in _copies) NativeMemory.Free((void*)memory);
        _copies.Clear();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
