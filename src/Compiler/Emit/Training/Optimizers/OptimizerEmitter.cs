using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

/// <summary>How the generated step makes one kind of optimizer, with the declaration's values as constants.</summary>
internal abstract class OptimizerEmitter
{
    public abstract OptimizerKind Kind { get; }

    /// <summary>The class of the runtime.</summary>
    public abstract string Type { get; }

    /// <summary>Bytes that it carries from step to step.</summary>
    public abstract long StateBytes(CompiledModel model);

    /// <summary>Bytes that it calculates an update in.</summary>
    public virtual long WorkBytes(CompiledModel model) => 0;

    /// <summary>The expression that makes it over a model's parameters.</summary>
    public string New(EmitContext context) =>
        $"new {Type}(model.Parameters, {string.Join(", ", Arguments(context.Model).Concat(Shared(context.Model.Spec.Training.Optimizer)))})";

    /// <summary>Members of the program that its arguments name.</summary>
    public virtual void Members(SourceWriter writer, EmitContext context)
    {
    }

    /// <summary>Its own constants, as named arguments.</summary>
    protected abstract IEnumerable<string> Arguments(CompiledModel model);

    protected static string Argument(string name, double value) => $"{name}: {EmitContext.Number(value)}";

    protected static string Argument(string name, bool value) => $"{name}: {(value ? "true" : "false")}";

    private static IEnumerable<string> Shared(OptimizerSpec spec) =>
    [
        Argument("weightDecay", spec.WeightDecay),
        Argument("vectorDecay", spec.WeightDecayOn == DecayTargets.All ? spec.WeightDecay : 0),
        Argument("clip", spec.Clip),
    ];
}
