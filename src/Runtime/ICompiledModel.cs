using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime;

/// <summary>A model that was compiled from its declaration: its parameters on a device, and the programs that work on them.</summary>
public interface ICompiledModel : ILanguageModel
{
    ParameterStore Parameters { get; }

    /// <summary>The parameters that are not trained, of a model that declares <c>adapt</c>; null for none.</summary>
    ParameterStore? Frozen => null;

    torch.Device Device { get; }

    /// <summary>A training program over <see cref="Parameters"/>, with an arena and optimizer state of its own.</summary>
    ITrainingProgram CreateTraining();

    /// <summary>An inference program over <see cref="Parameters"/> as they are at each call, with key-value caches of its own.</summary>
    /// <param name="batch">Sequences that it holds at a time.</param>
    /// <exception cref="NotSupportedException">The model is an encoder.</exception>
    IInferenceProgram ILanguageModel.CreateInference(int batch) =>
        throw new NotSupportedException($"{Description.Name} predicts no next tokens: its objective is {Description.Training.Objective.Kind}. Use CreateEncoder(), or its training program.");

    /// <summary>An inference program whose linear layers multiply with packed weights.</summary>
    /// <param name="batch">Sequences that it holds at a time.</param>
    /// <param name="weights">Of this model; they must live as long as the program.</param>
    /// <exception cref="NotSupportedException">The model does not declare them.</exception>
    IInferenceProgram CreateInference(int batch, PackedWeights weights) =>
        throw new NotSupportedException($"{Description.Name} has no packed weights: it declares no 'quantization' of 8 or 4 bits for a model that generates.");

    /// <summary>An inference program over <see cref="Parameters"/> as they are at each call, for whole sequences.</summary>
    /// <exception cref="NotSupportedException">The model predicts next tokens.</exception>
    IEncoderProgram CreateEncoder() =>
        throw new NotSupportedException($"{Description.Name} is no encoder: its objective is causal. Use CreateInference().");

    /// <summary>The smaller model with what pruning has left of the parameters, of a model that declares <c>pruning: { to }</c>; else null.</summary>
    /// <exception cref="Checkpoints.CheckpointException">Not all parts have been removed yet.</exception>
    ICompiledModel? RemovePruned() => null;

    /// <summary>Writes the forward pass, with the parameters as they are, into an ONNX graph.</summary>
    /// <exception cref="NotSupportedException">The model has no ONNX form.</exception>
    void Define(OnnxGraph graph) => throw new NotSupportedException($"{Description.Name} has no ONNX form.");
}

/// <summary>What is known of a compiled model before there is one.</summary>
/// <typeparam name="TSelf">The generated class.</typeparam>
public interface ICompiledModel<TSelf> : ICompiledModel
    where TSelf : ICompiledModel<TSelf>
{
    static abstract ModelDescription Definition { get; }

    /// <summary>Makes the model with freshly initialized parameters.</summary>
    /// <param name="device">Where its parameters and programs live.</param>
    /// <param name="seed">Seed of the initialization.</param>
    static abstract TSelf Create(torch.Device device, int seed);
}
