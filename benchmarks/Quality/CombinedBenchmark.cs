using ModelCompiler.Runtime.Comparison;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// Model Q in fp32 with AdamW against everything together: time and planned memory of training, size and decoding speed of the export, and bits per byte.
/// The options are those of <c>compare</c>. On all threads, in wall time: let nothing run beside it.
/// </summary>
internal static class CombinedBenchmark
{
    public static int Run(string[] args) =>
        ComparisonProgram.Run(
            args.Any(arg => arg.StartsWith("--output", StringComparison.Ordinal)) ? args : ["--output", Path.Combine("artifacts", "combined"), .. args],
            Recipe.Of<ModelQFp32>(), Recipe.Of<ModelQCombined>());
}
