using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>Training of a compiled model.</summary>
internal sealed class GeneratedTraining<TModel> : ITrainingSide
    where TModel : ICompiledModel<TModel>
{
    private readonly TModel _model;
    private readonly ITrainingProgram _program;

    public GeneratedTraining(Device device)
    {
        _model = TModel.Create(device, seed: 1);
        _program = _model.CreateTraining();
    }

    public long? PlannedBytes => _program.ArenaBytes;

    public double Step(long[] tokens, long[] targets)
    {
        _program.Backpropagate(tokens, targets);
        return _program.Update(learningRate: 3e-4).Loss;
    }

    public void Dispose()
    {
        _program.Dispose();
        _model.Dispose();
    }
}
