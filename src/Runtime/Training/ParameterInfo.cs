namespace ModelCompiler.Runtime.Training;

/// <summary>One row of the layout table of a model's flat parameter buffer.</summary>
/// <param name="Name">Name in checkpoints, e.g. <c>blocks.0.attention.query.weight</c>.</param>
/// <param name="Shape">Its shape; a matrix is [out, in].</param>
/// <param name="Offset">Where it starts in the flat buffer, in elements.</param>
/// <param name="Decay">Whether weight decay applies: to matrices, not to vectors.</param>
/// <param name="Init">How its first values are drawn.</param>
public sealed record ParameterInfo(string Name, long[] Shape, long Offset, bool Decay, ParameterInit Init)
{
    /// <summary>The linear layer as which its copy is rounded under quantization-aware training; null for none.</summary>
    public string? Layer { get; init; }

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, dimension) => product * dimension);
}

/// <summary>How a parameter's first values are drawn: a normal distribution of mean <see cref="Mean"/> and the given deviation.</summary>
public readonly record struct ParameterInit(double Mean, double Deviation)
{
    public static ParameterInit Zeros => new(0, 0);

    public static ParameterInit Ones => new(1, 0);

    /// <summary>Normal with mean 0.</summary>
    public static ParameterInit Normal(double std) => new(0, std);
}
