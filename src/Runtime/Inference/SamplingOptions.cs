namespace ModelCompiler.Runtime.Inference;

/// <summary>
/// How the next token is chosen. Applied in this order: bias, penalties, temperature, top-k, top-p, min-p, typical; each of the last four
/// sees the probabilities that the one before has left.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Divides the logits; 0 takes the most likely token always.</summary>
    public double Temperature { get; init; } = 0.8;

    /// <summary>Chooses among that many most likely tokens; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Chooses among the fewest most likely tokens whose probabilities reach this sum (Holtzman et al. 2020); 1 for all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Chooses among tokens at least this share as likely as the most likely one (Nguyen et al. 2024); 0 for all.</summary>
    public double MinP { get; init; }

    /// <summary>
    /// Chooses among the tokens whose information is nearest to the entropy, the fewest whose probabilities reach this sum (locally typical
    /// sampling, Meister et al. 2023); 1 for all.
    /// </summary>
    public double Typical { get; init; } = 1;

    /// <summary>
    /// Divides positive logits of tokens that are in the text already, prompt included, and multiplies negative ones (Keskar et al. 2019); 1
    /// for none.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted from the logit of a generated token for each time that it was generated; 0 for none.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Subtracted from the logit of each token that was generated; 0 for none.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Added to the logits of tokens; −∞ excludes one.</summary>
    public IReadOnlyDictionary<int, float> Bias { get; init; } = new Dictionary<int, float>();

    public int Seed { get; init; } = 1;
}
