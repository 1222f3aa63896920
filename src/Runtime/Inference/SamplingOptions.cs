namespace ModelCompiler.Runtime.Inference;

/// <summary>How the next token is chosen.</summary>
public sealed record SamplingOptions
{
    /// <summary>Divides the logits; 0 takes the most likely token always.</summary>
    public double Temperature { get; init; } = 0.8;

    /// <summary>Chooses among that many most likely tokens; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Chooses among the fewest most likely tokens whose probabilities reach this sum (Holtzman et al. 2020); 1 for all.</summary>
    public double TopP { get; init; } = 1;

    public int Seed { get; init; } = 1;
}
