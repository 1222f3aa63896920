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

    /// <summary>What a regression reads, f32[B, T, ·].</summary>
    public const string Numbers = "numbers";

    /// <summary>What a regression is to predict, f32[B, T, ·]; NaN where nothing is.</summary>
    public const string Wanted = "wanted";

    /// <summary>The mean loss of each sequence, f32[B].</summary>
    public const string LossBySequence = "loss.by_sequence";

    /// <summary>The loss of the order of segments, beside that of masked tokens.</summary>
    public const string OrderLoss = "order_loss";

    /// <summary>Weights of the sequences' losses, f32[B]: an input of models that prune by infobatch.</summary>
    public const string Weights = "weights";

    /// <summary>The part of its sequence that each token is in, i64[B, T]: an input of models with token types.</summary>
    public const string Types = "types";

    /// <summary>The class of each sequence, i64[B]: an input of models with a classifier.</summary>
    public const string Labels = "labels";

    /// <summary>Tokens of each sequence before its padding, i64[B]: an input of models that classify texts.</summary>
    public const string Lengths = "lengths";

    /// <summary>Errors of the sequences, f32[B], of models that choose their samples by el2n: computed only when asked for.</summary>
    public const string Errors = "errors";

    public static Graph Build(ModelSpec spec)
    {
        var architecture = spec.Architecture;
        var layers = FamilyLayers.Of(spec);
        var model = new ModelContext(spec, Residuals(layers, 1));
        var main = new FunctionBuilder(model, "main");
        if (layers[0] is NumbersLayer numbers) return BuildRegression(model, main, layers, numbers);
        var ids = TensorType.Of(DType.I64, model.Batch, model.Sequence);
        main.Input(Tokens, ids, model.Sequence);
        main.Input(Targets, ids, model.Sequence);
        if (layers[0] is EmbeddingLayer { TokenTypes: not null }) main.Input(Types, ids, model.Sequence);
        if (model.IsPadded) main.Input(Lengths, TensorType.Of(DType.I64, model.Batch), Dim.Of(1));

        Func<LayerSpec, string, string> origin = architecture.Family is null ? (_, path) => path : (layer, _) => FamilyOrigin(layer);
        LayerScope.Build(main, layers, "architecture.blocks", origin, Tokens);
        var results = AddLosses(main);

        Dim[] memory = model.Memory.Value > 0 ? [model.Memory] : [];
        Dim[] dims = [model.Batch, model.Sequence, .. memory, model.Width, model.Vocabulary];
        return new Graph(spec.Model, dims.ToEquatableArray(), main.Build([.. results]), model.Blocks.ToEquatableArray())
        {
            Encoding = ObjectiveSpec.Resolve(spec).Kind == ObjectiveKind.Causal ? null : new(model.Hidden!, model.Logits, model.Classes),
        };
    }

    /// <summary>Real numbers to real numbers: numbers, wanted [B, T, ·] → loss []. There is no vocabulary, and no width but those of the layers.</summary>
    private static Graph BuildRegression(ModelContext model, FunctionBuilder main, EquatableArray<LayerSpec> layers, NumbersLayer numbers)
    {
        TensorType Rows(Dim width) => TensorType.Of(DType.F32, model.Batch, model.Sequence, width);
        main.Input(Numbers, Rows(Dim.Of(numbers.Width)), Dim.Of(numbers.Width));
        var predicted = LayerScope.Build(main, layers, "architecture.blocks", (_, path) => path, Numbers);
        main.Input(Wanted, Rows(main.Width(predicted)), main.Width(predicted));
        main.Origin = "training.objective";
        main.Node(SquaredError.OpName, Loss, Dim.Of(1), Attributes.None, [predicted, Wanted], "by_sequence");
        return new Graph(model.Spec.Model, EquatableArray.Of(model.Batch, model.Sequence, model.Width), main.Build(Loss, LossBySequence), model.Blocks.ToEquatableArray());
    }

    /// <summary>The losses of the objective, and what is told of them. That of the vocabulary comes last, since it may be joined with its head.</summary>
    private static IEnumerable<string> AddLosses(FunctionBuilder main)
    {
        var (model, spec) = (main.Model, main.Model.Spec);
        var objective = ObjectiveSpec.Resolve(spec).Kind;
        var attributes = model.ScalesLoss ? Attributes.Of(("scaled", true)) : Attributes.None;
        main.Origin = objective == ObjectiveKind.Causal ? "architecture.vocabulary" : "training.objective";
        string[] further = ["by_sequence", "lse"];
        if (objective != ObjectiveKind.Causal)
        {
            attributes = attributes.With("accuracy", true);
            further = [.. further, "accuracy"];
        }
        if (model.Classes is not null) main.Input(Labels, TensorType.Of(DType.I64, model.Batch), Dim.Of(1));

        IEnumerable<string> results = [Loss, LossBySequence];
        if (objective != ObjectiveKind.Causal) results = results.Append(Accuracy(Loss));
        if (objective == ObjectiveKind.Classification)
        {
            main.Node("cross_entropy", Loss, Dim.Of(1), attributes, [model.Classes!, Labels], further);
            return results;
        }
        if (objective == ObjectiveKind.MaskedWithOrder)
        {
            main.Node("cross_entropy", OrderLoss, Dim.Of(1), attributes, [model.Classes!, Labels], further);
            results = results.Concat([OrderLoss, Accuracy(OrderLoss)]);
        }
        string[] weights = spec.Training.Subset?.Method == SubsetMethod.Infobatch
            ? [main.Input(Weights, TensorType.Of(DType.F32, model.Batch), Dim.Of(1))]
            : [];
        main.Node("cross_entropy", Loss, Dim.Of(1), attributes, [model.Logits!, Targets, .. weights], further);
        if (spec.Training.Subset?.Method == SubsetMethod.El2n && !SubsetSpec.ScoresApart(spec))
            main.Node(ErrorNorm.OpName, Errors, Dim.Of(1), Attributes.None, [model.Logits!, Targets, Loss + ".lse"]);
        return results;
    }

    /// <summary>The share of its targets that a loss's logits predict.</summary>
    public static string Accuracy(string loss) => loss + ".accuracy";

    /// <summary>The key of a family that its layers answer to.</summary>
    private static string FamilyOrigin(LayerSpec layer) => layer switch
    {
        NormLayer => "architecture.norm",
        AttentionLayer or RelativeAttentionLayer or LatentAttentionLayer => "architecture.heads",
        MlpLayer => "architecture.mlp",
        ExpertsLayer => "architecture.experts",
        DropoutLayer => "architecture.dropout",
        RepeatLayer or ResidualLayer or AddLayer => "architecture.layers",
        HeadLayer => "architecture.tie-embeddings",
        LinearLayer => "architecture.embedding-width",
        ClassifierLayer or ActivationLayer => "training.objective",
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
