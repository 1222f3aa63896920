using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>Training of a compiled model.</summary>
internal sealed class GeneratedTraining<TModel> : ITrainingSide
    where TModel : ICompiledModel<TModel>
{
    private readonly TModel _model = TModel.Create(CPU, seed: 1);
    private readonly ITrainingProgram _program;

    public GeneratedTraining() => _program = _model.CreateTraining();

    public long? PlannedBytes => _program.ArenaBytes;

    public double Step(Tensor tokens, Tensor targets) => _program.Step(tokens, targets, learningRate: 3e-4).Loss;

    public void Dispose()
    {
        _program.Dispose();
        _model.Dispose();
    }
}
