namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The optimizer's state in a run's checkpoints: <c>optimizer.exp_avg.&lt;parameter&gt;</c> and so on for buffers in the layout of
/// the parameters, <c>optimizer.&lt;name&gt;</c> for others, and how many updates it has made.
/// </summary>
internal sealed class OptimizerPart(ITrainingProgram program, ParameterStore parameters) : ICheckpointPart
{
    public string Name => "optimizer";

    public void Describe(CheckpointTable table)
    {
        foreach (var (name, values) in program.OptimizerState.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (values.dtype == parameters.Master.dtype && values.shape is [var length] && length == parameters.Length)
                table.Parameters(name, values);
            else
                table.Tensor(name, values);
        }

        table.Value("step", () => program.StepNumber, step => program.StepNumber = step);
    }
}
