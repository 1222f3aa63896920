using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Training;

/// <summary>Whether a run is continued with what it began with: where it is not, its steps would silently become others.</summary>
internal static class ResumeCheck
{
    /// <exception cref="CheckpointException">Text or declaration are not those of the run; the message names what differs.</exception>
    public static void Demand(RunState run, ModelDescription model, Dataset data, string folder)
    {
        if (data.Tokenizer.Hash != run.TokenizerHash || data.Fingerprint != run.TextHash)
        {
            throw new CheckpointException(
                $"The run in '{folder}' was made on another text than '{run.Source}' is now. Give that text with --data, or start a new run in another --output.");
        }

        var differences = Differences(run.TrainingKeys, model.TrainingKeys);
        if (differences.Count > 0)
        {
            throw new CheckpointException(
                $"The run in '{folder}' was declared otherwise: {string.Join("; ", differences)}. Restore that, or start a new run in another --output.");
        }
    }

    private static List<string> Differences(IEnumerable<string> then, IEnumerable<string> now)
    {
        var (before, after) = (Values(then), Values(now));
        return [.. before.Keys.Union(after.Keys)
            .Select(key => (Key: key, Then: before.GetValueOrDefault(key, "not declared"), Now: after.GetValueOrDefault(key, "not declared")))
            .Where(key => key.Then != key.Now)
            .Select(key => $"{key.Key} was {key.Then}, now {key.Now}")];
    }

    private static Dictionary<string, string> Values(IEnumerable<string> lines) =>
        lines.Select(line => line.Split(" = ", 2)).ToDictionary(parts => parts[0], parts => parts[^1], StringComparer.Ordinal);
}
