using System.Globalization;

namespace ModelCompiler.Runtime.Training;

/// <summary>How well a model predicts a text.</summary>
/// <param name="Loss">Mean cross-entropy in nats per token.</param>
/// <param name="BitsPerByte">Bits needed to say one byte of the text, comparable between tokenizers.</param>
public readonly record struct EvaluationResult(double Loss, double BitsPerByte)
{
    /// <summary>exp of the loss: among how many equally likely tokens the model hesitates.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>E.g. <c>1.874 bits per byte, perplexity 3.66 per token</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{BitsPerByte:F3} bits per byte, perplexity {Perplexity:F2} per token");
}
