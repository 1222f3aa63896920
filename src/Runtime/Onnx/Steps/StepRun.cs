using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>A plan's tokens in one program: the memory of a token's values, and the program's caches.</summary>
internal sealed unsafe class StepRun : IDisposable
{
    private readonly StepPlan _plan;
    private readonly OnnxCache[] _caches;
    private readonly int _vocabulary;
    private float* _values;

    public StepRun(StepPlan plan, OnnxCaches caches, int vocabulary)
    {
        (_plan, _caches, _vocabulary) = (plan, [.. plan.Caches.Select(caches.Find)], vocabulary);
        var bytes = (nuint)plan.Size * sizeof(float);
        _values = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_values, bytes); // rounded inputs are read to the end of their last group
    }

    /// <summary>Appends a token to a sequence.</summary>
    /// <returns>The logits [V], valid until the next.</returns>
    public ReadOnlySpan<float> Run(int sequence, int token, int position)
    {
        ObjectDisposedException.ThrowIf(_values is null || _plan.IsDisposed, typeof(OnnxModel));
        var context = new StepContext(_values, token, position, sequence, _caches);
        foreach (var op in _plan.Ops) op.Run(context);
        return new(_values + _plan.Logits, _vocabulary);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_values);
        _values = null;
    }
}
