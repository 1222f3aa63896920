using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

internal sealed class SgdEmitter : OptimizerEmitter
{
    public override OptimizerKind Kind => OptimizerKind.Sgd;

    public override string Type => "SgdOptimizer";

    public override long StateBytes(CompiledModel model) => model.Layout.Elements * 4;

    protected override IEnumerable<string> Arguments(CompiledModel model)
    {
        var spec = model.Spec.Training.Optimizer;
        return [Argument("momentum", spec.Momentum ?? 0.9), Argument("nesterov", spec.Nesterov ?? false)];
    }
}
