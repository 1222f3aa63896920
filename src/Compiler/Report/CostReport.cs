using ModelCompiler.Compiler.Emit.Training;
using ModelCompiler.Compiler.Emit.Training.Optimizers;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Report;

/// <summary>
/// What a compiled model costs, exactly, from its graphs: the one source of the build's report, of the remarks and constants of
/// the generated class, and of what <c>limits</c> is compared with. FLOPs are for each token of a full context, a multiply-add
/// counted as two and attention as if it had no mask, as is usual; bytes are those that the generated program holds.
/// </summary>
public sealed record CostReport
{
    /// <summary>By layers, in the order of the forward pass.</summary>
    public EquatableArray<LayerCost> Layers { get; init; }

    /// <summary>Number of values, trained and frozen.</summary>
    public long Parameters { get; init; }

    /// <summary>Those that are trained: fewer where the model declares <c>adapt</c>.</summary>
    public long TrainedParameters { get; init; }

    /// <summary>Tokens of a (micro-)batch, B·T.</summary>
    public long Tokens { get; init; }

    /// <summary>Of the forward pass for each token, without loss and dropout.</summary>
    public long ForwardFlops { get; init; }

    /// <summary>Of the backward pass for each token, what is computed again apart.</summary>
    public long BackwardFlops { get; init; }

    /// <summary>What the backward pass computes again for each token.</summary>
    public long RecomputedFlops { get; init; }

    /// <summary>What the forward pass of the first steps saves of it under <c>token-drop</c>, for each token; 0 without.</summary>
    public long DroppedFlops { get; init; }

    /// <summary>Bytes of the fp32 weights, with what aligns them.</summary>
    public long WeightBytes { get; init; }

    /// <summary>Bytes of the weights' copy in the compute type; 0 in fp32, but for what quantization-aware training rounds.</summary>
    public long CopyBytes { get; init; }

    public long GradientBytes { get; init; }

    /// <summary>Bytes that the optimizer carries from step to step.</summary>
    public long OptimizerBytes { get; init; }

    /// <summary>Bytes in which the optimizer calculates an update; 0 where it needs none.</summary>
    public long OptimizerWorkBytes { get; init; }

    /// <summary>Bytes of averaged weights (<c>training.ema</c>).</summary>
    public long AverageBytes { get; init; }

    /// <summary>Weights that <c>pruning</c> looks at; 0 without.</summary>
    public long PrunableWeights { get; init; }

    /// <summary>Those of them that it removes.</summary>
    public long PrunedWeights { get; init; }

    /// <summary>What the model costs without the parts that pruning removes; null where it removes none.</summary>
    public CostReport? Pruned { get; init; }

    /// <summary>Bytes of the mask, and of what the method carries from step to step.</summary>
    public long PruningBytes { get; init; }

    /// <summary>Bytes of the weights where each removed one takes a bit and no more; see <see cref="PrunedWeights"/>.</summary>
    public long SparseBytes => (4 * (Parameters - PrunedWeights)) + ((PrunableWeights + 7) / 8);

    /// <summary>Bytes that meta-learning holds besides: the copy that inner steps move, its gradients, and what leads back through the steps.</summary>
    public long MetaBytes { get; init; }

    /// <summary>Bytes of the arena of all activations.</summary>
    public long ActivationBytes { get; init; }

    /// <summary>The same without <c>checkpoint</c>; null where there is none.</summary>
    public long? ActivationBytesKept { get; init; }

    /// <summary>Bytes of the memory of earlier segments, of training before and after a step, and of evaluation.</summary>
    public long SegmentBytes { get; init; }

    /// <summary>Of the teacher's forward pass for each token of training, head and all; 0 without a teacher.</summary>
    public long TeacherFlops { get; init; }

    /// <summary>Bytes of the teacher's weights that training holds, as its forward pass reads them.</summary>
    public long TeacherBytes { get; init; }

    /// <summary>Bytes of the weights by which samples are judged, where they are not those of training.</summary>
    public long ScoringBytes { get; init; }

    /// <summary>Bytes of keys and values for each token of the context, in inference.</summary>
    public long KvCacheBytes { get; init; }

    /// <summary>What training holds besides weights, gradients, optimizer state and activations; a part may be 0.</summary>
    public IReadOnlyList<(string Name, long Bytes)> OtherTrainingBytes =>
    [
        ("the optimizer's products", OptimizerWorkBytes), ("averaged weights", AverageBytes), ("pruning", PruningBytes), ("adaptation", MetaBytes),
        ("memory of earlier segments", SegmentBytes), ("the teacher", TeacherBytes), ("the scoring pass", ScoringBytes),
    ];

    /// <summary>All that training holds.</summary>
    public long TrainingBytes => WeightBytes + CopyBytes + GradientBytes + OptimizerBytes + ActivationBytes + OtherTrainingBytes.Sum(part => part.Bytes);

    /// <summary>Bytes of the weights in a safetensors file of fp32; its header comes on top.</summary>
    public long Fp32FileBytes => 4 * Parameters;

    /// <summary>The same in bf16.</summary>
    public long Bf16FileBytes => 2 * Parameters;

    /// <summary>Bytes of the weights in the exported model, as <c>quantization</c> rounds them; the graph itself comes on top.</summary>
    public long ExportBytes { get; init; }

    public static CostReport Of(CompiledModel model)
    {
        var (spec, trained, frozen, tokens) = (model.Spec, model.Layout, model.Frozen, model.Training.Dims[0].Value * model.Training.Dims[1].Value);
        var layers = LayerCost.Of(model.Inference, trained.Slots.Concat(frozen.Slots), tokens, spec.Efficiency.Quantization?.KvCache == KvCacheType.Int8 ? 1 : null);
        var elements = trained.Elements + frozen.Elements;
        var rates = spec.Training.Meta is { LearnRates: true } ? trained.Elements : 0;
        return new()
        {
            Layers = layers,
            Parameters = trained.Count + frozen.Count,
            TrainedParameters = trained.Count,
            Tokens = tokens,
            ForwardFlops = layers.Sum(l => l.ForwardFlops),
            BackwardFlops = Costs.BackwardFlops(model.Training) / tokens,
            RecomputedFlops = Costs.RecomputedFlops(model.Training) / tokens,
            DroppedFlops = TokenDropSpec.Resolve(spec) is { } drop ? Costs.DroppedFlops(model.Training, drop.From!.Value) / tokens : 0,
            WeightBytes = 4 * (elements + rates),
            CopyBytes = (spec.Efficiency.Precision.Compute != Precision.Fp32 ? 2 : spec.Efficiency.Quantization is { Method: RoundingMethod.Qat } ? 4 : 0) * elements,
            GradientBytes = 4 * (trained.Elements + rates),
            OptimizerBytes = OptimizerEmitters.Of(spec).StateBytes(model) + (rates * RateState(spec.Training.Optimizer)),
            OptimizerWorkBytes = OptimizerEmitters.Of(spec).WorkBytes(model),
            AverageBytes = spec.Training.Ema is null ? 0 : 4 * (trained.Elements + rates),
            PrunableWeights = PruningEmitter.Weights(model),
            PrunedWeights = PruningEmitter.RemovedWeights(model),
            Pruned = model.Pruned?.Costs,
            PruningBytes = PruningEmitter.Bytes(model),
            MetaBytes = MetaBuffers(model) * 4 * trained.Elements,
            ActivationBytes = model.ArenaBytes,
            TeacherFlops = (model.Teacher?.ForwardFlops ?? 0) / tokens,
            TeacherBytes = model.Teacher is { IsCached: false } teacher ? teacher.WeightBytes : 0,
            ScoringBytes = model.Scoring?.WeightBytes ?? 0,
            ActivationBytesKept = model.KeptEverything,
            SegmentBytes = MemoryEmitter.Bytes(model),
            ExportBytes = ExportSize.Of(model),
            KvCacheBytes = layers.Sum(l => l.KvCache),
        };
    }

    /// <summary>Bytes that the optimizer carries for each learned rate, which is no matrix to it.</summary>
    private static long RateState(OptimizerSpec optimizer) => optimizer.Kind is OptimizerKind.Sgd or OptimizerKind.Lion ? 4 : 8;

    /// <summary>Buffers as large as the parameters that InnerLoop and the copy hold.</summary>
    private static int MetaBuffers(CompiledModel model)
    {
        if (model.Spec.Training.Meta is not { } meta) return 0;
        // Weights and gradients of the copy, the gradient on its way back, the rates or the sum that theirs come from;
        // and for second order a direction, its product, and the weights before each inner step.
        return 4 + (meta.LearnRates ? 2 : 0) + (model.Hessian is null ? 0 : 2 + meta.InnerSteps);
    }
}
