using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.HuggingFace.Architectures;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>The architectures that can be imported and exported.</summary>
internal static class PretrainedArchitectures
{
    /// <summary>Where several say the same model, the first is written.</summary>
    public static IReadOnlyList<PretrainedArchitecture> All { get; } = [new Gpt2(), new Llama(), new Mistral(), new Qwen2(), new Qwen3(), new Architectures.Bert(), new Architectures.Albert(), new TransfoXl()];

    /// <summary>The architecture of a configuration.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is none of <see cref="All"/>.</exception>
    public static PretrainedArchitecture Of(StrictObject config)
    {
        var type = config.Text("model_type");
        return All.FirstOrDefault(architecture => architecture.ModelType == type)
            ?? throw config.Refused("model_type", $"only {string.Join(", ", All.Select(architecture => architecture.ModelType))} can be imported");
    }

    /// <summary>Whether two declarations compute the same from the same parameters, but for dropout.</summary>
    public static bool Same(ArchitectureSpec a, ArchitectureSpec b) => Normal(a) == Normal(b);

    /// <summary>Every default written out.</summary>
    private static (ArchitectureSpec, EquatableArray<LayerSpec>) Normal(ArchitectureSpec a)
    {
        var attentionBias = a.AttentionBias ?? a.Bias ?? true;
        var written = a with
        {
            KvHeads = a.KvHeads ?? a.Heads,
            HeadSize = a.HeadSize ?? (a.Width / a.Heads),
            AttentionBias = attentionBias,
            QkvBias = a.QkvBias ?? attentionBias,
            Window = a.Window < a.Context ? a.Window : null,
            RopeScaling = a.RopeScaling is { OriginalContext: null } scaling ? scaling with { OriginalContext = (int)(a.Context / scaling.Factor) } : a.RopeScaling,
            Memory = a.EvaluationMemory ?? a.Memory ?? a.Context, // another memory in training is training's business
            EvaluationMemory = null,
            Dropout = null,
        };
        var layers = FamilyLayers.Of(new ModelSpec { Architecture = written });
        return (new ArchitectureSpec { Family = a.Family, Vocabulary = a.Vocabulary, Context = a.Context, Width = a.Width }, layers);
    }
}
