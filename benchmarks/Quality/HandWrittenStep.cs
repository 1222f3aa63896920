using ModelCompiler.Benchmarks.HandWritten;
using ModelCompiler.Benchmarks.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>What a step of model Q costs when it is written by hand with TorchSharp, in fp32 with AdamW.</summary>
internal static class HandWrittenStep
{
    private const int WarmUp = 3, Steps = 15;

    /// <summary>Processor time of a hand-written step by that of the generated baseline's, medians of alternating steps.</summary>
    public static double Ratio()
    {
        using var hand = HandWrittenTraining.Llama(ModelShape.Q);
        using var generated = new GeneratedTraining<ModelQ>(CPU);
        var random = new Random(1);
        var (tokens, targets) = (ModelShape.Q.Draw(random), ModelShape.Q.Draw(random));
        List<double> byHand = [], baseline = [];
        for (var i = 0; i < WarmUp + Steps; i++)
        {
            byHand.Add(Seconds(hand));
            baseline.Add(Seconds(generated));
        }

        return Median(byHand) / Median(baseline);

        double Seconds(ITrainingSide side)
        {
            var start = Environment.CpuUsage.TotalTime;
            side.Step(tokens, targets);
            return (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        }

        static double Median(List<double> times) => times.Skip(WarmUp).Order().ElementAt(Steps / 2);
    }
}
