using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

internal sealed class AdamW8BitEmitter : OptimizerEmitter
{
    private const int Block = 256;

    public override OptimizerKind Kind => OptimizerKind.Adamw_8bit;

    public override string Type => "AdamW8BitOptimizer";

    /// <summary>Two bytes of each matrix element, two scales of each block; vectors as in AdamW.</summary>
    public override long StateBytes(CompiledModel model)
    {
        var (matrices, all) = (model.Layout.MatrixElements, model.Layout.Elements);
        return (2 * matrices) + (8 * ((matrices + Block - 1) / Block)) + (8 * (all - matrices));
    }

    protected override IEnumerable<string> Arguments(CompiledModel model)
    {
        var spec = model.Spec.Training.Optimizer;
        return [Argument("beta1", spec.Beta1), Argument("beta2", spec.Beta2 ?? 0.95), Argument("epsilon", spec.Epsilon)];
    }
}
