using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

internal sealed class LionEmitter : OptimizerEmitter
{
    public override OptimizerKind Kind => OptimizerKind.Lion;

    public override string Type => "LionOptimizer";

    public override long StateBytes(CompiledModel model) => model.Layout.Elements * 4;

    protected override IEnumerable<string> Arguments(CompiledModel model)
    {
        var spec = model.Spec.Training.Optimizer;
        return [Argument("beta1", spec.Beta1), Argument("beta2", spec.Beta2 ?? 0.99)];
    }
}
