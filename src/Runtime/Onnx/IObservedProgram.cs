namespace ModelCompiler.Runtime.Onnx;

/// <summary>What calibration runs: a model that gives values within it.</summary>
internal interface IObservedProgram : IDisposable
{
    /// <summary>Reads a window of text, after the one before it where the model remembers earlier segments, else by itself.</summary>
    /// <param name="tokens">The window.</param>
    /// <param name="outputs">Names of the values.</param>
    /// <param name="observe">Is shown each.</param>
    void Observe(ReadOnlySpan<int> tokens, string[] outputs, ObserveValues observe);
}

/// <summary>Is shown the values of an output, by its place among those that are observed.</summary>
internal delegate void ObserveValues(int output, ReadOnlySpan<float> values);
