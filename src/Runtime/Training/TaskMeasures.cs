namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The loss and the accuracy of each task of an objective: their means over the batches since they were last told.
/// </summary>
/// <param name="tasks">Names of the tasks: masked, order, class.</param>
public sealed class TaskMeasures(params string[] tasks) : IMetricSource
{
    private readonly (string Loss, string Accuracy)[] _names = [.. tasks.Select(task => (task + "-loss", task + "-accuracy"))];
    private readonly double[] _losses = new double[tasks.Length];
    private readonly double[] _accuracies = new double[tasks.Length];
    private readonly int[] _batches = new int[tasks.Length];
    private bool _told;

    /// <summary>Adds what a batch gave, and returns its loss.</summary>
    /// <param name="task">Its number.</param>
    /// <param name="loss">Mean cross-entropy in nats over what was to be predicted.</param>
    /// <param name="accuracy">The share of it that was predicted.</param>
    public double Add(int task, double loss, double accuracy)
    {
        if (_told)
        {
            Array.Clear(_losses);
            Array.Clear(_accuracies);
            Array.Clear(_batches);
            _told = false;
        }

        _losses[task] += loss;
        _accuracies[task] += accuracy;
        _batches[task]++;
        return loss;
    }

    public void Report(StepMetrics metrics)
    {
        _told = true;
        for (var task = 0; task < _names.Length; task++)
        {
            metrics.Add(_names[task].Loss, _losses[task] / _batches[task]);
            metrics.Add(_names[task].Accuracy, _accuracies[task] / _batches[task]);
        }
    }
}
