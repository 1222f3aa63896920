using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

/// <summary>The optimizers.</summary>
internal static class OptimizerEmitters
{
    private static readonly OptimizerEmitter[] s_all =
    [
        new AdamWEmitter(),
        new SgdEmitter(),
        new LionEmitter(),
        new MuonEmitter(),
        new AdamW8BitEmitter(),
    ];

    public static OptimizerEmitter Of(ModelSpec spec) => s_all.Single(emitter => emitter.Kind == spec.Training.Optimizer.Kind);
}
