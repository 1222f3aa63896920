namespace ModelCompiler.Runtime.Onnx;

/// <summary>A value of an ONNX graph, [batch, sequence, <paramref name="Width"/>].</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Width">Its last dimension.</param>
public readonly record struct OnnxValue(string Name, int Width)
{
    /// <summary>The tables of the rotation that is still to be applied to its queries and keys, which attention does; null for none.</summary>
    internal (string Cosines, string Sines)? Rotation { get; init; }

    /// <summary>The projection of encoded distances, which relative attention makes its table from; null for none.</summary>
    internal (TorchSharp.torch.Tensor Weight, long Clamp)? Distances { get; init; }
}
