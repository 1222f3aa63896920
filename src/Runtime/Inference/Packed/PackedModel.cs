using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>A compiled model whose inference programs multiply with weights of 8 or 4 bits, or of the pattern 2:4, as its declaration says.</summary>
/// <param name="model">The model, which is disposed with it.</param>
/// <param name="weights">Its weights, which are disposed with it.</param>
public sealed class PackedModel(ICompiledModel model, PackedWeights weights) : ILanguageModel
{
    public ModelDescription Description => model.Description;

    /// <summary>The packed weights.</summary>
    public PackedWeights Weights => weights;

    /// <summary>Packs the weights that a model has now.</summary>
    /// <param name="model">
    /// Declares <c>quantization</c> with <c>weights: int8</c> or <c>int4</c>, or in half precision <c>pruning</c> with <c>pattern: 2:4</c>; belongs to what is returned.
    /// </param>
    /// <param name="calibration">Windows of training text, for methods that observe the layers' inputs.</param>
    /// <exception cref="NotSupportedException">The model declares no such weights.</exception>
    /// <exception cref="OnnxException">A method has no text to observe.</exception>
    public static PackedModel Of(ICompiledModel model, IReadOnlyList<int[]> calibration) => model.Description switch
    {
        { Packs: true, PacksIntegers: true } description => new(model, PackedWeights.Of(model, description.Quantization!, calibration)),
        { Packs: true } => new(model, PackedWeights.OfPattern(model)),
        var description => throw new NotSupportedException(
            $"{description.Name} has no packed weights: it must be a model that generates and declare 'quantization: {{ weights: int8 }}' or int4, or in bf16 or fp16 'pruning: {{ pattern: 2:4 }}'."),
    };

    public IInferenceProgram CreateInference(int batch = 1) => model.CreateInference(batch, weights);

    public void Dispose()
    {
        weights.Dispose();
        model.Dispose();
    }
}
