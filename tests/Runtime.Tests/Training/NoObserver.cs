using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

internal sealed class NoObserver : ITrainingObserver
{
    public void Stepped(StepReport report)
    {
    }

    public void Validated(int step, EvaluationResult result)
    {
    }
}
