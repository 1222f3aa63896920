namespace ModelCompiler.Runtime.Comparison;

/// <summary>What a recipe has cost, and what has come of it.</summary>
internal sealed record RecipeResult
{
    public required string Name { get; init; }

    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    public required int Steps { get; init; }

    /// <summary>Of the training steps, without validation.</summary>
    public required double Seconds { get; init; }

    /// <summary>Floating-point operations of the compiled steps, forward, backward and recomputed; scoring passes of subsets are not among them.</summary>
    public required double Flops { get; init; }

    /// <summary>Bytes of training, as planned at build time.</summary>
    public required long Memory { get; init; }

    /// <summary>Parameters of the model, without what only training has.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of the exported graph and weights.</summary>
    public required long Artifact { get; init; }

    /// <summary>How the export's weights are rounded.</summary>
    public required string Quantization { get; init; }

    /// <summary>Tokens per second of the exported model, one by one after a prompt.</summary>
    public required double Decode { get; init; }

    /// <summary>Of the trained model on the held-out text.</summary>
    public required double BitsPerByte { get; init; }

    /// <summary>Share by which the export's loss is higher than the trained model's, on a part of the held-out text.</summary>
    public required double ExportLoss { get; init; }

    /// <summary>Seconds of training until a validation was at least as good; null if none was.</summary>
    public double? SecondsTo(double bitsPerByte) => Curve.Where(point => point.BitsPerByte <= bitsPerByte).Select(point => (double?)point.Seconds).FirstOrDefault();
}

/// <summary>A validation during training.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Seconds">Time of these steps.</param>
/// <param name="Flops">Floating-point operations of these steps.</param>
/// <param name="BitsPerByte">On the held-out text.</param>
internal readonly record struct CurvePoint(int Step, double Seconds, double Flops, double BitsPerByte);
