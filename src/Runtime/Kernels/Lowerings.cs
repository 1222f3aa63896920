using System.Collections.Concurrent;
using System.Diagnostics;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime;

/// <summary>A kernel's lowering, chosen by measurement.</summary>
/// <param name="Case">Kernel, element type, shape and threads.</param>
/// <param name="Lowering">Name of the fastest.</param>
/// <param name="Milliseconds">What each candidate took; empty where the choice was remembered from an earlier run.</param>
public sealed record LoweringChoice(string Case, string Lowering, IReadOnlyList<(string Lowering, double Milliseconds)> Milliseconds)
{
    public override string ToString() => Milliseconds.Count == 0
        ? $"{Case}: {Lowering}"
        : FormattableString.Invariant($"{Case}: {Lowering} ({string.Join(", ", Milliseconds.Select(m => FormattableString.Invariant($"{m.Lowering} {m.Milliseconds:F2} ms")))})");
}

/// <summary>
/// Chooses between ways to calculate the same thing by measuring each on the real tensors the first time they are met.
/// Choices are remembered per machine, so that every run of a program makes the same ones and repeats bit by bit.
/// </summary>
public sealed class Lowerings
{
    private const int Rounds = 9;

    private readonly ConcurrentDictionary<string, LoweringChoice> _choices = new(StringComparer.Ordinal);
    private readonly Lock _measuring = new();
    private readonly string? _file;

    /// <summary>Choices kept in a file, or for this process only.</summary>
    /// <param name="file">Where they are kept; read at once if it exists. Null keeps them in memory.</param>
    public Lowerings(string? file)
    {
        _file = file;
        Adopt();
    }

    /// <summary>The choices of this machine's kind of processor, in the user's local application data.</summary>
    public static Lowerings Default { get; } = new(DefaultFile());

    /// <summary>The choices known so far.</summary>
    public IReadOnlyCollection<LoweringChoice> Choices => [.. _choices.Values.OrderBy(choice => choice.Case, StringComparer.Ordinal)];

    /// <summary>The fastest of the candidates; measures them if the case is new, and leaves out those that libtorch refuses.</summary>
    /// <param name="case">What identifies the measurement.</param>
    /// <param name="candidates">Names of the candidates, the preferred first.</param>
    /// <param name="run">Runs the candidate of that index; its inputs survive it.</param>
    /// <returns>The index of the chosen candidate.</returns>
    public int Choose(string @case, ReadOnlySpan<string> candidates, Action<int> run)
    {
        if (Known(@case, candidates) is var known and >= 0) return known;
        lock (_measuring)
        {
            Adopt(); // what another process has chosen meanwhile
            if (Known(@case, candidates) is var other and >= 0) return other;
            var times = Measure(candidates, run);
            if (times.Count == 0) throw new NativeException($"No lowering works for {@case}; libtorch's reasons are on stderr.");
            Keep(new LoweringChoice(@case, Fastest(times), times), candidates);
        }

        return Known(@case, candidates);
    }

    /// <summary>The least time of each candidate over rounds in which they alternate, so that what else the machine does meets all alike.</summary>
    private static List<(string Lowering, double Milliseconds)> Measure(ReadOnlySpan<string> candidates, Action<int> run)
    {
        var best = new double[candidates.Length];
        for (var i = 0; i < best.Length; i++) best[i] = Works(i, run) ? double.MaxValue : double.NaN;
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < best.Length; i++)
            {
                if (double.IsNaN(best[i])) continue;
                var start = Stopwatch.GetTimestamp();
                run(i);
                best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        var times = new List<(string Lowering, double Milliseconds)>();
        for (var i = 0; i < best.Length; i++)
        {
            if (!double.IsNaN(best[i])) times.Add((candidates[i], best[i]));
        }

        return times;
    }

    /// <summary>The first candidate that is no more than a twentieth slower than the fastest.</summary>
    private static string Fastest(List<(string Lowering, double Milliseconds)> times)
    {
        var limit = times.Min(time => time.Milliseconds) * 1.05;
        return times.First(time => time.Milliseconds <= limit).Lowering;
    }

    private static bool Works(int candidate, Action<int> run)
    {
        try
        {
            run(candidate);
            return true;
        }
        catch (NativeException)
        {
            return false;
        }
    }

    private static string? DefaultFile()
    {
        var folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return folder.Length == 0 ? null : Path.Combine(folder, "ModelCompiler", $"lowerings-2.{Hardware.Processor}.txt");
    }

    /// <summary>Takes over what the file says: the first to choose has chosen for all, or runs would not repeat.</summary>
    private void Adopt()
    {
        try
        {
            if (_file is null || !File.Exists(_file)) return;
            foreach (var line in File.ReadAllLines(_file))
            {
                if (line.Split('\t') is [var @case, var lowering] && _choices.GetValueOrDefault(@case)?.Lowering != lowering)
                    _choices[@case] = new LoweringChoice(@case, lowering, []);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Measured again.
        }
    }

    private int Known(string @case, ReadOnlySpan<string> candidates) =>
        _choices.TryGetValue(@case, out var choice) ? candidates.IndexOf(choice.Lowering) : -1;

    /// <summary>Keeps a choice, unless another process has been faster: then that one's.</summary>
    private void Keep(LoweringChoice choice, ReadOnlySpan<string> candidates)
    {
        _choices[choice.Case] = choice;
        if (_file is null) return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(_file))!);
            using var alone = Lock(_file + ".lock");
            Adopt();
            if (Known(choice.Case, candidates) < 0) _choices[choice.Case] = choice;
            var temporary = $"{_file}.{Environment.ProcessId}";
            File.WriteAllText(temporary, string.Concat(Choices.Select(kept => $"{kept.Case}\t{kept.Lowering}\n")));
            File.Move(temporary, _file, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A machine without a writable home measures in each process.
        }
    }

    /// <summary>Waits for other processes that are writing. The system lets go of the lock of a process that ends.</summary>
    private static FileStream Lock(string path)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 500)
            {
                Thread.Sleep(10);
            }
        }
    }
}
