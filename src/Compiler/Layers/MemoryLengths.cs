using ModelCompiler.Compiler.Frontends.Validation;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>Positions of a model's memory of earlier segments; 0 in models without.</summary>
/// <param name="Training">In training steps.</param>
/// <param name="Evaluation">In validation and in generation.</param>
public readonly record struct MemoryLengths(int Training, int Evaluation)
{
    /// <summary>What buffers for both are made for.</summary>
    public int Largest => Math.Max(Training, Evaluation);

    /// <summary>Of a valid declaration: its layers agree.</summary>
    public static MemoryLengths Of(ModelSpec spec)
    {
        var layers = FamilyLayers.Of(spec);
        return LayerLists.All(layers, "").Select(entry => entry.Layer).OfType<RelativeAttentionLayer>().FirstOrDefault() is { } layer ? Of(layer) : default;
    }

    public static MemoryLengths Of(RelativeAttentionLayer layer) => new(layer.Memory, layer.EvaluationMemory ?? layer.Memory);
}
