namespace ModelCompiler.Runtime.Training;

/// <summary>How well a model predicts a text.</summary>
/// <param name="Loss">Mean cross-entropy in nats per token.</param>
/// <param name="BitsPerByte">Bits needed to say one byte of the text, comparable between tokenizers.</param>
public readonly record struct EvaluationResult(double Loss, double BitsPerByte)
{
    /// <summary>exp of the loss: among how many equally likely tokens the model hesitates.</summary>
    public double Perplexity => Math.Exp(Loss);
}
