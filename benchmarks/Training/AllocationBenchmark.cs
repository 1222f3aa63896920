using ModelCompiler.Benchmarks.Models;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>Managed memory that the whole training loop allocates in a step, with data, records and progress.</summary>
internal static class AllocationBenchmark
{
    private const int First = 110, Last = 190; // between the checkpoints and validations of steps 100 and 200

    public static int Run(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("allocations-").FullName;
        try
        {
            using var model = ModelS.Create(CPU, seed: 1);
            var description = model.Description;
            using var data = Dataset.Open(description.Training, description.Vocabulary, report: Console.Error.WriteLine);
            var start = RunState.Begin(description, description.Training, data, seed: 1);
            using var done = new CancellationTokenSource();
            var meter = new Meter(done);
            new Trainer(model, data, start, folder).Run(meter, done.Token);
            Console.WriteLine(FormattableString.Invariant(
                $"managed bytes a step, steps {First} to {Last}: {meter.OfThread} on the training thread, {meter.OfAll} in the whole process"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Meter(CancellationTokenSource done) : ITrainingObserver
    {
        private long _thread, _all;

        public long OfThread { get; private set; }

        public long OfAll { get; private set; }

        public void Stepped(StepReport report)
        {
            if (report.Step == First)
            {
                _all = GC.GetTotalAllocatedBytes(precise: true);
                _thread = GC.GetAllocatedBytesForCurrentThread();
            }
            else if (report.Step == Last)
            {
                OfThread = (GC.GetAllocatedBytesForCurrentThread() - _thread) / (Last - First);
                OfAll = (GC.GetTotalAllocatedBytes(precise: true) - _all) / (Last - First);
                done.Cancel();
            }
        }

        public void Validated(int step, EvaluationResult result)
        {
        }
    }
}
