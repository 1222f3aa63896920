using System.Diagnostics;
using System.Globalization;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>A side in a process of its own, which makes steps when it is told to: see <see cref="TrainingWorker"/>.</summary>
internal sealed class WorkerProcess
{
    private readonly Process _process;

    /// <summary>One of <see cref="TrainingWorker.Sides"/>.</summary>
    public WorkerProcess(string name)
        : this(name, Environment.ProcessPath!, ["training-worker", name])
    {
    }

    /// <summary>Another program that speaks the workers' protocol.</summary>
    public WorkerProcess(string name, string program, string[] arguments)
    {
        Name = name;
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        _process = Process.Start(start)!;
    }

    public string Name { get; }

    public List<double> Milliseconds { get; } = [];

    public double Median => Milliseconds.Order().ElementAt(Milliseconds.Count / 2);

    public long Peak { get; private set; }

    public long Floor { get; private set; }

    public long Planned { get; private set; }

    public double[] Steps(int count)
    {
        _process.StandardInput.WriteLine(count);
        return Answer().Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
    }

    public void Finish()
    {
        _process.StandardInput.Close();
        var answer = Answer().Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        (Peak, Floor, Planned) = (answer[0], answer[1], answer[2]);
        _process.WaitForExit();
    }

    private string[] Answer() =>
        _process.StandardOutput.ReadLine()?.Split(' ') ?? throw new InvalidOperationException($"{Name} ended early.");
}
