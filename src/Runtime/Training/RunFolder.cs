using System.Globalization;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The folder of a run: checkpoints <c>step-000400.safetensors</c> from which it is continued, <c>best.safetensors</c> with the
/// parameters of the lowest validation loss, the tokenizer, and the records of how it went.
/// </summary>
public static class RunFolder
{
    internal const string LockFile = "run.lock";

    /// <summary>Where a new run puts the one that was in its folder.</summary>
    internal const string PreviousFolder = "previous";

    /// <summary>Where it is gathered before: a process that is killed meanwhile leaves the folder.</summary>
    internal const string GatheringFolder = "previous.new";

    /// <summary>What is appended to the name of a checkpoint that could not be used.</summary>
    internal const string RefusedExtension = ".refused";

    private const string Prefix = "step-", Extension = ".safetensors";

    /// <summary>All that a run writes; its folder may hold other files, which are none of its business.</summary>
    private static readonly string[] s_files =
    [
        $"{Prefix}*{Extension}", $"{Prefix}*{Extension}{RefusedExtension}", "best.safetensors", "best-ema.safetensors", "last-ema.safetensors", "tokenizer_config.json", "vocab.json", "merges.txt",
        MetricsFile.Name, EventFile.Pattern, RunReport.Name,
    ];

    /// <summary>The parameters with the lowest validation loss.</summary>
    public static string BestPath(string folder) => Path.Combine(folder, "best.safetensors");

    /// <summary>The averaged parameters (<c>ema</c>) with the lowest validation loss.</summary>
    public static string BestAveragePath(string folder) => Path.Combine(folder, "best-ema.safetensors");

    /// <summary>The averaged parameters (<c>ema</c>) at the run's end.</summary>
    public static string LastAveragePath(string folder) => Path.Combine(folder, "last-ema.safetensors");

    /// <summary>The parameters to use: those with the lowest validation loss, or averaged ones if theirs is lower; null if there are none.</summary>
    /// <exception cref="CheckpointException">A file is damaged.</exception>
    public static string? LowestPath(string folder) => new[] { BestPath(folder), BestAveragePath(folder) }
        .Where(File.Exists)
        .MinBy(path => ModelCheckpoint.ReadState(path).Best?.Loss ?? double.PositiveInfinity);

    /// <summary>The run of another model, in a folder of its name beside this one.</summary>
    public static string Beside(string folder, string model) => Path.Combine(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))!, model);

    /// <summary>The checkpoint after a number of steps.</summary>
    public static string CheckpointPath(string folder, int step) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D6}{Extension}"));

    /// <summary>The checkpoint of the most steps; null if there is none. It may be damaged.</summary>
    public static string? LastPath(string folder) => Checkpoints(folder).Select(checkpoint => checkpoint.Path).FirstOrDefault();

    /// <summary>The checkpoints of a folder by their names, the newest first.</summary>
    public static IReadOnlyList<(int Step, string Path)> Checkpoints(string folder) => !Directory.Exists(folder)
        ? []
        : [.. Directory.EnumerateFiles(folder, $"{Prefix}*{Extension}")
            .Select(path => (Step: StepOf(path), Path: path))
            .Where(checkpoint => checkpoint.Step >= 0)
            .OrderByDescending(checkpoint => checkpoint.Step)];

    /// <summary>Where the run of a folder stands: the state in its newest checkpoint that is whole and of this model.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="model">The model to be trained further.</param>
    /// <param name="report">Is told of each checkpoint that is refused, with the reason.</param>
    /// <exception cref="CheckpointException">There is none.</exception>
    public static RunState Newest(string folder, ModelDescription model, Action<string> report) =>
        Find(folder, model, report) ?? throw new CheckpointException(Checkpoints(folder).Count > 0
            ? $"No checkpoint in '{folder}' can be used; the reasons are above. Start a new run in another --output."
            : $"There is no run to resume in '{folder}'. Leave out --resume, or give the run's folder with --output.");

    /// <summary>As <see cref="Newest"/>, among the checkpoints of fewer than so many steps; null if there is none.</summary>
    internal static RunState? Find(string folder, ModelDescription model, Action<string> report, int before = int.MaxValue)
    {
        foreach (var (step, path) in Checkpoints(folder).Where(checkpoint => checkpoint.Step < before))
        {
            try
            {
                var state = ModelCheckpoint.ReadState(path, model);
                if (state.Step != step)
                    throw new CheckpointException($"'{path}' is of step {state.Step}: it was renamed.");
                return state;
            }
            catch (CheckpointException e)
            {
                report($"Refused: {e.Message}");
            }
        }

        return null;
    }

    /// <summary>
    /// Makes the folder ready for a run: one that starts moves what an earlier run has left into <c>previous/</c>; one that is
    /// continued sets checkpoints of later steps, which were refused, aside.
    /// </summary>
    /// <param name="folder">The run's folder; it is made if it is not there.</param>
    /// <param name="step">The steps after which the run is continued; null for one that starts.</param>
    /// <returns>Keeps other processes out until it is disposed, or this process ends.</returns>
    /// <exception cref="CheckpointException">Another process trains in the folder.</exception>
    /// <exception cref="DiskFullException">The disk has no room for a file.</exception>
    internal static IDisposable Open(string folder, int? step)
    {
        var taken = Lock(folder);
        foreach (var leftover in Directory.GetFiles(folder, $"*{Extension}.*{AtomicFile.TemporaryExtension}"))
            File.Delete(leftover); // of a process that was killed
        if (step is { } resumed)
        {
            MoveBack(folder);
            Refuse(folder, resumed);
        }
        else if (Checkpoints(folder).Any(checkpoint => checkpoint.Step > 0) || Directory.Exists(Path.Combine(folder, GatheringFolder)))
            SetAside(folder);
        return taken;
    }

    /// <summary>
    /// Brings back the files of a run whose successor was killed while it moved them away. To be called before the run is resumed.
    /// </summary>
    /// <exception cref="CheckpointException">Another process trains in the folder.</exception>
    internal static void TakeBack(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, GatheringFolder)))
            return;
        using var taken = Lock(folder);
        MoveBack(folder);
    }

    /// <summary>Sets the checkpoints after a step aside: they could not be used, or are not to be.</summary>
    internal static void Refuse(string folder, int after)
    {
        foreach (var (_, path) in Checkpoints(folder).Where(checkpoint => checkpoint.Step > after))
            File.Move(path, path + RefusedExtension, overwrite: true);
    }

    /// <summary>Deletes all but the newest checkpoints.</summary>
    internal static void Prune(string folder, int keep)
    {
        foreach (var (_, path) in Checkpoints(folder).Skip(keep))
            File.Delete(path);
    }

    private static FileStream Lock(string folder)
    {
        Directory.CreateDirectory(folder);
        try
        {
            return new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw DiskFullException.Explains(e, folder, 0)
                ? new DiskFullException(Path.Combine(folder, LockFile), 0, e)
                : new CheckpointException($"Another process trains in '{folder}' ({e.Message}). Wait for its end, or choose another --output.", e);
        }
    }

    private static void MoveBack(string folder)
    {
        var gathering = Path.Combine(folder, GatheringFolder);
        if (!Directory.Exists(gathering))
            return;
        foreach (var path in Directory.GetFiles(gathering))
            File.Move(path, Path.Combine(folder, Path.GetFileName(path)));
        Directory.Delete(gathering);
    }

    /// <summary>
    /// Moves a run's files into <c>previous/</c>. They are gathered in another folder first, so that the run before it is deleted only when this
    /// one is whole; where a process was killed meanwhile, the next goes on with it.
    /// </summary>
    private static void SetAside(string folder)
    {
        var (previous, gathering) = (Path.Combine(folder, PreviousFolder), Path.Combine(folder, GatheringFolder));
        Directory.CreateDirectory(gathering);

        // The newest checkpoint last: while there is one here, the move is not done.
        foreach (var path in s_files.Reverse().SelectMany(pattern => Directory.GetFiles(folder, pattern)).Distinct().OrderBy(StepOf))
            File.Move(path, Path.Combine(gathering, Path.GetFileName(path)));
        if (Directory.Exists(previous))
            Directory.Delete(previous, recursive: true);
        Directory.Move(gathering, previous);
    }

    /// <summary>−1 for a file that is no checkpoint.</summary>
    private static int StepOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Prefix.Length..^Extension.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
                ? step
                : -1;
    }
}
