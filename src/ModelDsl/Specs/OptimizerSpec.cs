namespace ModelCompiler.ModelDsl;

[Shorthand("kind")]
public sealed record OptimizerSpec
{
    [Key("kind", "The update rule.")]
    public OptimizerKind Kind { get; init; } = OptimizerKind.Adamw;

    [Key("learning-rate", "Peak learning rate.", Min = 0, Max = 10)]
    public double LearningRate { get; init; } = 3e-4;

    [Key("warmup", "Steps of linear rise to the peak.", Min = 0, Max = 100_000_000)]
    public int Warmup { get; init; } = 100;

    [Key("decay", "The shape of the learning rate after the warm-up.")]
    public DecayKind Decay { get; init; } = DecayKind.Cosine;

    [Key("final", "Learning rate at the last step, as a share of the peak.", Min = 0, Max = 1)]
    [OnlyWith("decay", DecayKind.Cosine, DecayKind.Linear, DecayKind.Wsd)]
    public double Final { get; init; } = 0.1;

    [Key("decay-share", "Share of the steps in which the learning rate cools down, at the end of the run.", Min = 0.001, Max = 1)]
    [OnlyWith("decay", DecayKind.Wsd)]
    public double DecayShare { get; init; } = 0.2;

    [Key("cool-down", "The shape of the cool-down: sqrt falls as 1 − √x, linear as 1 − x.")]
    [OnlyWith("decay", DecayKind.Wsd)]
    public CoolDownKind CoolDown { get; init; } = CoolDownKind.Sqrt;

    [Key("beta1", "Decay of the first moment; for lion, the momentum's share in the update's sign.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Lion, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double Beta1 { get; init; } = 0.9;

    [Key("beta2", "Decay of the second moment; for lion, of the momentum. Default: 0.95; for lion 0.99.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Lion, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double? Beta2 { get; init; }

    [Key("epsilon", "Added to the root of the second moment.", Min = 1e-15, Max = 1)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double Epsilon { get; init; } = 1e-8;

    [Key("momentum", "Share of the momentum that is kept. Default: 0.9; for muon 0.95.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Sgd, OptimizerKind.Muon)]
    public double? Momentum { get; init; }

    [Key("nesterov", "Nesterov's momentum, which looks ahead. Default: false; for muon true.")]
    [OnlyWith("kind", OptimizerKind.Sgd, OptimizerKind.Muon)]
    public bool? Nesterov { get; init; }

    [Key("adamw-rate", "Learning rate of embeddings, head and vectors, which AdamW updates, as a multiple of learning-rate.", Min = 0, Max = 1000)]
    [OnlyWith("kind", OptimizerKind.Muon)]
    public double AdamwRate { get; init; } = 1.0;

    [Key("weight-decay", "Decoupled weight decay.", Min = 0, Max = 10)]
    public double WeightDecay { get; init; } = 0.1;

    [Key("weight-decay-on", "The parameters that weight decay applies to.")]
    public DecayTargets WeightDecayOn { get; init; } = DecayTargets.Matrices;

    [Key("clip", "Largest global gradient norm; 0 for no clipping.", Min = 0, Max = 1e9)]
    public double Clip { get; init; } = 1.0;
}
