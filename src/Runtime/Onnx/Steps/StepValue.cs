namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>A value of one token.</summary>
/// <param name="Offset">Its first float among the values of a program.</param>
/// <param name="Shape">Behind batch and sequence: [C], or [heads, D].</param>
internal sealed record StepValue(int Offset, int[] Shape)
{
    public int Count => Shape.Aggregate(1, (product, dimension) => product * dimension);

    public int Width => Shape[^1];
}

/// <summary>Values of an op: of the token, or the same for all.</summary>
internal readonly unsafe struct StepOperand(float* constant, int offset, int count)
{
    public int Count => count;

    public float* At(float* values) => constant is null ? values + offset : constant;
}
