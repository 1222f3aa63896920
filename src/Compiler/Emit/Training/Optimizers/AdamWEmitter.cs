using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

internal sealed class AdamWEmitter : OptimizerEmitter
{
    public override OptimizerKind Kind => OptimizerKind.Adamw;

    public override string Type => "AdamWOptimizer";

    public override long StateBytes(CompiledModel model) => model.Layout.Elements * 8;

    protected override IEnumerable<string> Arguments(CompiledModel model)
    {
        var spec = model.Spec.Training.Optimizer;
        return [Argument("beta1", spec.Beta1), Argument("beta2", spec.Beta2 ?? 0.95), Argument("epsilon", spec.Epsilon)];
    }
}
