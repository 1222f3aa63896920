using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data.Subsets;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

/// <summary>
/// Training as a subset sees it: it chooses a batch, and is told its losses. The loss of a sample is a number of its own that
/// falls each time that it is trained on.
/// </summary>
internal sealed class SubsetRun(int count, int batch = 4) : ISampleScorer
{
    private readonly int[] _visits = new int[count];

    /// <summary>What was trained on, with the weights, step by step.</summary>
    public List<(int[] Samples, float[] Weights)> Steps { get; } = [];

    public long Scored { get; private set; }

    public float Loss(int sample) => (1 + (sample * 7919 % 1009 / 1009f)) / (1 + (0.1f * _visits[sample]));

    public void Losses(ReadOnlySpan<int> samples, Span<float> losses)
    {
        for (var i = 0; i < samples.Length; i++)
            losses[i] = Loss(samples[i]);
        Scored += samples.Length;
    }

    public void Errors(ReadOnlySpan<int> samples, Span<float> errors) => Losses(samples, errors);

    /// <summary>Makes steps from where the run stands.</summary>
    public SubsetRun Make(ISubset subset, int steps)
    {
        for (var end = Steps.Count + steps; Steps.Count < end;)
        {
            var (samples, weights) = (new int[batch], new float[batch]);
            Array.Fill(weights, 1);
            subset.Choose(Steps.Count, samples, weights);
            var losses = samples.Select(Loss).ToArray();
            foreach (var sample in samples)
                _visits[sample]++;
            subset.Observe(Steps.Count, samples, losses);
            Steps.Add((samples, weights));
        }

        return this;
    }

    /// <summary>The state of one subset, through a file, into another.</summary>
    public static void Restore(ISubset from, ISubset into)
    {
        using var folder = new TemporaryFolder();
        Table(from).Save(folder["state"], []);
        using var reader = SafetensorsReader.Open(folder["state"]);
        Table(into).Load(reader, folder["state"], whole: true);

        static CheckpointTable Table(ISubset subset)
        {
            var table = new CheckpointTable([]);
            subset.Describe(table);
            return table;
        }
    }

    /// <summary>The samples of all steps.</summary>
    public int[] Samples(int from = 0) => [.. Steps.Skip(from).SelectMany(step => step.Samples)];
}
