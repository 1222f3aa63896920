using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Training;

/// <summary>Named numbers of one step, beside loss and learning rate. One list is filled anew at each step.</summary>
public sealed class StepMetrics
{
    private readonly List<(string Name, double Value)> _values = [];

    public int Count => _values.Count;

    public (string Name, double Value) this[int index] => _values[index];

    /// <summary>Adds a number.</summary>
    /// <param name="name">In kebab-case, e.g. <c>loss-scale</c>; the name of its column in metrics.csv and its tag in TensorBoard.</param>
    /// <param name="value">May be NaN where a step has none.</param>
    public void Add(string name, double value) => _values.Add((name, value));

    /// <summary>The number of a name; null if it was not reported.</summary>
    public double? Find(string name)
    {
        foreach (var (other, value) in _values)
        {
            if (other == name)
                return value;
        }

        return null;
    }

    internal EquatableArray<Measure> ToMeasures() => new(_values.Select(pair => new Measure(pair.Name, pair.Value)));

    internal void Clear() => _values.Clear();
}

/// <summary>
/// A part of a run that has something to show: a program, or any <see cref="ICheckpointPart"/>. It appears in metrics.csv, in
/// TensorBoard and in the report.
/// </summary>
public interface IMetricSource
{
    /// <summary>Adds the numbers of the step just made; the same names at each step. Called on the thread that trains; should not allocate.</summary>
    void Report(StepMetrics metrics)
    {
    }

    /// <summary>What it did in the whole run, for the report: e.g. <c>("samples pruned", "12,345 of 100,000")</c>.</summary>
    IEnumerable<(string Name, string Value)> Facts() => [];
}
