using ModelCompiler.Compiler.Layers;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Pruning;

/// <summary>
/// Declares the model that is left when pruning has removed whole parts: the same layers with smaller sizes, a head's size and what else
/// follows from the width written out. Its graph, passes and code are those of any declared model.
/// </summary>
internal static class RemovePruned
{
    /// <summary>The smaller model of a declaration with <c>pruning: { to }</c>, by the name of the class with <c>Pruned</c> after it.</summary>
    public static ModelSpec Run(ModelSpec spec) => Resize(spec, spec.Efficiency.Pruning!.To!) with
    {
        Model = NameOf(spec),
        Efficiency = spec.Efficiency with { Pruning = null, Checkpoint = null, TokenDrop = null }, // the last two may name layers that are gone
        Training = spec.Training with { Curriculum = null, Subset = null, Distillation = null },
        Limits = new(),
    };

    /// <summary>The name of the smaller model and of its class.</summary>
    public static string NameOf(ModelSpec spec) => spec.Model + "Pruned";

    /// <summary>The declaration with other sizes.</summary>
    public static ModelSpec Resize(ModelSpec spec, PrunedSizesSpec to)
    {
        var a = spec.Architecture;
        var width = to.Width ?? a.Width;
        if (a.Family is null)
            return spec with { Architecture = a with { Width = width, Blocks = a.Blocks.Select(layer => Resize(layer, to, a.Width)).ToEquatableArray() } };
        var mlp = a.Mlp ?? new FamilyMlpSpec();
        return spec with
        {
            Architecture = a with
            {
                Width = width,
                Layers = to.Layers ?? a.Layers,
                Heads = to.Heads ?? a.Heads,
                KvHeads = KvHeads(to, a.Heads!.Value, a.KvHeads),
                HeadSize = a.HeadSize ?? (a.Width / a.Heads.Value),
                Mlp = mlp with { Hidden = to.Hidden ?? mlp.Hidden ?? (int)MlpRule.DefaultHidden(mlp.Kind, a.Width) },
                NormEpsilon = to.Width is null ? a.NormEpsilon : Epsilon(a.NormEpsilon ?? new NormLayer().Epsilon, a.Width, width),
            },
        };
    }

    private static LayerSpec Resize(LayerSpec layer, PrunedSizesSpec to, int width)
    {
        EquatableArray<LayerSpec> All(EquatableArray<LayerSpec> layers) => layers.Select(inner => Resize(inner, to, width)).ToEquatableArray();
        return layer switch
        {
            RepeatLayer repeat => repeat with { Times = to.Layers ?? repeat.Times, Layers = All(repeat.Layers) },
            ResidualLayer residual => residual with { Layers = All(residual.Layers) },
            TwoBranchLayer branches => branches with { Left = All(branches.Left), Right = All(branches.Right) },
            AttentionLayer attention => attention with
            {
                Heads = to.Heads ?? attention.Heads,
                KvHeads = KvHeads(to, attention.Heads, attention.KvHeads),
                HeadSize = attention.HeadSize ?? (width / attention.Heads),
            },
            MlpLayer mlp => mlp with { Hidden = to.Hidden ?? mlp.Hidden ?? (int)MlpRule.DefaultHidden(mlp.Kind, width) },
            NormLayer norm when to.Width is { } kept => norm with { Epsilon = Epsilon(norm.Epsilon, width, kept) },
            _ => layer,
        };
    }

    private static int? KvHeads(PrunedSizesSpec to, int heads, int? kvHeads) =>
        to.Heads is { } kept && kvHeads is { } shared ? kept / (heads / shared) : kvHeads;

    /// <summary>The mean of the squares of fewer channels is larger by this: so is what is added to it.</summary>
    private static double Epsilon(double epsilon, int width, int kept) => epsilon * width / kept;
}
