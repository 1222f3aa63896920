using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>A valid spec to the graph of its forward pass and loss: tokens, targets [B, T] → loss [].</summary>
public static class GraphBuilder
{
    public const string Tokens = "tokens";
    public const string Targets = "targets";
    public const string Loss = "loss";

    /// <summary>The mean loss of each sequence, f32[B].</summary>
    public const string LossBySequence = "loss.by_sequence";

    /// <summary>Weights of the sequences' losses, f32[B]: an input of models that prune by infobatch.</summary>
    public const string Weights = "weights";

    /// <summary>Errors of the sequences, f32[B], of models that choose their samples by el2n: computed only when asked for.</summary>
    public const string Errors = "errors";

    public static Graph Build(ModelSpec spec)
    {
        var architecture = spec.Architecture;
        var layers = FamilyLayers.Of(architecture);
        var model = new ModelContext(spec, Residuals(layers, 1));
        var main = new FunctionBuilder(model, "main");
        var ids = TensorType.Of(DType.I64, model.Batch, model.Sequence);
        main.Input(Tokens, ids, model.Sequence);
        main.Input(Targets, ids, model.Sequence);

        Func<LayerSpec, string, string> origin = architecture.Family is null ? (_, path) => path : (layer, _) => FamilyOrigin(layer);
        var logits = LayerScope.Build(main, layers, "architecture.blocks", origin, Tokens);
        main.Origin = "architecture.vocabulary";
        var scaled = model.ScalesLoss ? Attributes.Of(("scaled", true)) : Attributes.None;
        string[] weights = spec.Training.Subset?.Method == SubsetMethod.Infobatch
            ? [main.Input(Weights, TensorType.Of(DType.F32, model.Batch), Dim.Of(1))]
            : [];
        main.Node("cross_entropy", Loss, Dim.Of(1), scaled, [logits, Targets, .. weights], "by_sequence", "lse");
        if (spec.Training.Subset?.Method == SubsetMethod.El2n)
            main.Node(ErrorNorm.OpName, Errors, Dim.Of(1), Attributes.None, [logits, Targets, Loss + ".lse"]);

        Dim[] memory = model.Memory.Value > 0 ? [model.Memory] : [];
        Dim[] dims = [model.Batch, model.Sequence, .. memory, model.Width, model.Vocabulary];
        return new Graph(spec.Model, dims.ToEquatableArray(), main.Build(Loss, LossBySequence), model.Blocks.ToEquatableArray());
    }

    /// <summary>The key of a family that its layers answer to.</summary>
    private static string FamilyOrigin(LayerSpec layer) => layer switch
    {
        NormLayer => "architecture.norm",
        AttentionLayer or RelativeAttentionLayer => "architecture.heads",
        MlpLayer => "architecture.mlp",
        ExpertsLayer => "architecture.experts",
        DropoutLayer => "architecture.dropout",
        RepeatLayer or ResidualLayer or AddLayer => "architecture.layers",
        HeadLayer => "architecture.tie-embeddings",
        _ => "architecture.vocabulary",
    };

    private static int Residuals(EquatableArray<LayerSpec> layers, int times) => layers.Sum(layer => layer switch
    {
        RepeatLayer repeat => Residuals(repeat.Layers, times * repeat.Times),
        ResidualLayer residual => times + Residuals(residual.Layers, times),
        AddLayer add => times + Residuals(add.Left, times) + Residuals(add.Right, times),
        _ => 0,
    });
}
