using System.Globalization;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Training;

/// <summary>How well a model predicts a text.</summary>
/// <param name="Loss">Mean cross-entropy in nats per token, or of the objective.</param>
/// <param name="BitsPerByte">Bits needed to say one byte of the text, comparable between tokenizers; NaN for a model that does not predict next tokens.</param>
public readonly record struct EvaluationResult(double Loss, double BitsPerByte)
{
    /// <summary>Loss and accuracy of each task of an objective other than causal.</summary>
    public EquatableArray<Measure> Measures { get; init; }

    /// <summary>Whether pruning has not come to its end: the model is a denser one than the one declared, and is never the best.</summary>
    public bool IsProvisional { get; init; }

    /// <summary>exp of the loss: among how many equally likely tokens the model hesitates.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>
    /// E.g. <c>1.874 bits per byte, perplexity 3.66 per token</c>, or <c>masked-loss 1.402, masked-accuracy 0.611</c>; <c>loss 0.4127</c> where
    /// there is neither, of a model that learns to adapt to tasks.
    /// </summary>
    public override string ToString() => Measures.Count > 0
        ? string.Join(", ", Measures.Select(measure => measure.ToString()))
        : double.IsNaN(BitsPerByte) ? string.Create(CultureInfo.InvariantCulture, $"loss {Loss:F4}")
        : string.Create(CultureInfo.InvariantCulture, $"{BitsPerByte:F3} bits per byte, perplexity {Perplexity:F2} per token");
}

/// <summary>A named number of a validation.</summary>
public readonly record struct Measure(string Name, double Value)
{
    /// <summary>E.g. <c>masked-accuracy 0.611</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} {Value:F3}");
}
