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

    /// <summary>
    /// Whether a declaration computes what a configuration says from the same parameters, but for dropout, in its own context. Another
    /// memory in training is training's business; limits of distances count where the declaration's are as large.
    /// </summary>
    public static bool Same(ArchitectureSpec read, ArchitectureSpec declared) =>
        Normal(read with { Context = declared.Context, Memory = declared.Memory, EvaluationMemory = read.Memory }) == Normal(declared);

    /// <summary>Without the limits that no two positions are far enough apart to meet.</summary>
    public static ArchitectureSpec Effective(ArchitectureSpec a) => a with
    {
        Window = a.Window < a.Context ? a.Window : null,
        ClampLength = a.ClampLength is { } clamp && clamp < TransformerXl.Attention(a).Farthest(a.Context) ? clamp : null,
    };

    /// <summary>Every default written out.</summary>
    private static (ArchitectureSpec, EquatableArray<LayerSpec>) Normal(ArchitectureSpec a)
    {
        var attentionBias = a.AttentionBias ?? a.Bias ?? true;
        var written = Effective(a) with
        {
            KvHeads = a.KvHeads ?? a.Heads,
            HeadSize = a.HeadSize ?? (a.Width / a.Heads),
            AttentionBias = attentionBias,
            QkvBias = a.QkvBias ?? attentionBias,
            RopeScaling = a.RopeScaling is { OriginalContext: null } scaling ? scaling with { OriginalContext = (int)(a.Context / scaling.Factor) } : a.RopeScaling,
            Memory = a.EvaluationMemory ?? a.Memory ?? a.Context,
            EvaluationMemory = null,
            Dropout = null,
        };
        var layers = FamilyLayers.Of(new ModelSpec { Architecture = written });
        return (new ArchitectureSpec { Family = a.Family, Vocabulary = a.Vocabulary, Context = a.Context, Width = a.Width }, layers);
    }
}
