using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Benchmarks.Recurrence;

/// <summary>
/// Trains for a time rather than for a number of steps. The learning rate warms up and decays by the share of the time that is spent, so that
/// a model has its whole schedule whatever its steps cost.
/// </summary>
internal sealed class TimedTraining : IDisposable
{
    private const double Peak = 4e-3, Warmup = 0.05, Final = 0.1;

    private readonly string _name;
    private readonly double _budget;
    private readonly IBatchSource _source;
    private readonly long[] _tokens, _targets;

    /// <param name="model">What is trained.</param>
    /// <param name="data">Read as streams, also by a model without a memory: what differs is the memory alone.</param>
    /// <param name="budget">Seconds of processor time.</param>
    public TimedTraining(ICompiledModel model, Dataset data, double budget)
    {
        var description = model.Description;
        var (batch, context) = (description.Batch, description.Context);
        (_name, _budget) = (description.Name, budget);
        _source = new StreamBatches(data.Training, data.Tokenizer.EndOfText, batch, context, seed: 1);
        (_tokens, _targets) = (new long[batch * context], new long[batch * context]);
        Program = model.CreateTraining();
        if (Program.Memory is { } memory) memory.StartOfText = data.Tokenizer.StartOfText;
    }

    public ITrainingProgram Program { get; }

    public int Steps { get; private set; }

    /// <summary>Seconds of processor time that the steps took.</summary>
    public double Spent { get; private set; }

    public void Step()
    {
        var start = Environment.CpuUsage.TotalTime;
        var share = Spent / _budget;
        _source.Fill(Steps, _tokens, _targets);
        Program.Backpropagate(_tokens, _targets);
        var cosine = Final + ((1 - Final) * (1 + Math.Cos(Math.PI * share)) / 2);
        var loss = Program.Update(Peak * Math.Min(1, share / Warmup) * cosine).Loss;
        if (Steps % 200 == 0) Console.Error.WriteLine(FormattableString.Invariant($"{_name}: {100 * share:F0} %, step {Steps}, loss {loss:F3}"));
        Steps++;
        Spent += (Environment.CpuUsage.TotalTime - start).TotalSeconds;
    }

    public void Dispose() => Program.Dispose();
}
