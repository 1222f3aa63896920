using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>The optimizer and its schedule.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.optimizer")]
public sealed class OptimizerAttribute : Attribute
{
    public OptimizerKind Kind { get; set; }

    public double LearningRate { get; set; }

    public int Warmup { get; set; }

    public DecayKind Decay { get; set; }

    public double Final { get; set; }

    public double DecayShare { get; set; }

    public CoolDownKind CoolDown { get; set; }

    public double Beta1 { get; set; }

    public double Beta2 { get; set; }

    public double Epsilon { get; set; }

    public double Momentum { get; set; }

    public bool Nesterov { get; set; }

    public double AdamwRate { get; set; }

    public double WeightDecay { get; set; }

    public DecayTargets WeightDecayOn { get; set; }

    public double Clip { get; set; }
}
