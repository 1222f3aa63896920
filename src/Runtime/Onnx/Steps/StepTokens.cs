using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>The tokens of a pass over the weights: of one sequence one after the other, of several, or both.</summary>
/// <param name="size">Floats of a token's values.</param>
/// <param name="caches">Of the program, in the order of the plan's.</param>
internal sealed unsafe class StepTokens(int size, OnnxCache[] caches) : IDisposable
{
    /// <summary>Most tokens of a pass: what a draft of up to seven proposals is looked at with.</summary>
    public const int Most = 8;

    private readonly (int Token, int Position, int Sequence)[] _all = new (int, int, int)[Most];
    private float* _values;
    private int _room;
    private bool _isDisposed;

    public int Count { get; private set; }

    /// <summary>Begins a pass.</summary>
    /// <param name="count">Tokens that it will have.</param>
    public void Clear(int count)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(OnnxProgram));
        Count = 0;
        if (count <= _room) return;
        var bytes = (nuint)count * (nuint)size * sizeof(float);
        var fresh = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.AlignedFree(_values);
        _values = fresh;
        NativeMemory.Clear(_values, bytes); // rounded inputs are read to the end of their last group
        _room = count;
    }

    public void Add(int token, int position, int sequence) => _all[Count++] = (token, position, sequence);

    public StepContext Of(int index)
    {
        var (token, position, sequence) = _all[index];
        return new(ValuesOf(index), token, position, sequence, caches);
    }

    public float* ValuesOf(int index) => _values + ((long)index * size);

    public void Dispose()
    {
        _isDisposed = true;
        NativeMemory.AlignedFree(_values);
        _values = null;
        _room = 0;
    }
}
