using System.Globalization;
using System.Text;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The file <c>metrics.csv</c> of a run: one row for each step, in the invariant culture, written when the next step or a checkpoint
/// comes. A run that is continued takes the file up to its checkpoint, so that it has each step once.
/// </summary>
internal sealed class MetricsFile : ITrainingObserver, IDisposable
{
    public const string Name = "metrics.csv";

    /// <summary>The columns that every run has; named numbers of its parts follow.</summary>
    public static readonly string[] Columns =
    [
        "step", "tokens", "seconds", "tokens-per-second", "loss", "gradient-norm", "learning-rate", "validation-loss", "validation-bits-per-byte",
    ];

    private readonly string _path;
    private readonly byte[] _row = new byte[16 * 1024];
    private readonly List<(string Name, double Value)> _metrics = []; // in the order of their columns, after the first ones
    private readonly RecordFile _file;
    private int _length;
    private StepReport? _pending;
    private EvaluationResult? _validation;
    private long _tokens;
    private double _seconds;

    public MetricsFile(string folder)
    {
        _path = Path.Combine(folder, Name);
        _file = new RecordFile(_path, path =>
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
    }

    /// <summary>Cuts off the rows of later steps, and what a process that was killed left unfinished.</summary>
    public void Continues(int step)
    {
        _pending = null;
        _validation = null;
        _metrics.Clear();
        (_tokens, _seconds) = (0, 0);
        using var reader = _file.Read();
        var header = reader.ReadLine();
        if (step == 0 || header is null || !header.StartsWith(string.Join(',', Columns), StringComparison.Ordinal))
        {
            WriteAll([]);
            return;
        }

        foreach (var name in header.Split(',').Skip(Columns.Length))
            _metrics.Add((name, double.NaN));
        long end = header.Length + 1;
        while (reader.ReadLine() is { } line && end + line.Length < _file.Length && Read(line, step))
            end += line.Length + 1;
        _file.Cut(end);
    }

    public void Stepped(StepReport report)
    {
        WritePending();
        _pending = report;
        _tokens += report.Tokens;
        _seconds += report.Seconds;
        Take(report.Metrics);
    }

    public void Validated(int step, EvaluationResult result) => _validation = result;

    /// <summary>Writes what there is to the disk itself: a checkpoint that follows must not know more steps than the file.</summary>
    public void Flush()
    {
        WritePending();
        _file.Flush();
    }

    public void Dispose()
    {
        WritePending();
        _file.Dispose();
    }

    /// <summary>Adds up a row of a step that remains; false for one that does not.</summary>
    private bool Read(string line, int step)
    {
        var fields = line.Split(',', 4);
        if (fields.Length < 4 || !int.TryParse(fields[0], CultureInfo.InvariantCulture, out var row) || row > step)
            return false;
        _ = long.TryParse(fields[1], CultureInfo.InvariantCulture, out _tokens);
        _ = double.TryParse(fields[2], CultureInfo.InvariantCulture, out _seconds);
        return true;
    }

    private void Take(StepMetrics? metrics)
    {
        for (var i = 0; i < _metrics.Count; i++)
            _metrics[i] = (_metrics[i].Name, double.NaN);
        for (var i = 0; i < (metrics?.Count ?? 0); i++)
        {
            var (name, value) = metrics![i];
            var column = i < _metrics.Count && _metrics[i].Name == name ? i : _metrics.FindIndex(metric => metric.Name == name);
            if (column >= 0)
                _metrics[column] = (name, value);
            else
                AddColumn(name, value);
        }
    }

    private void AddColumn(string name, double value)
    {
        if (name.AsSpan().IndexOfAny(",\"\r\n") >= 0)
            throw new ArgumentException($"'{name}' cannot be the name of a number: write it in kebab-case.", nameof(name));
        using var reader = _file.Read();
        var rows = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(row => row + ",").ToArray();
        _metrics.Add((name, value));
        WriteAll(rows);
    }

    private void WriteAll(string[] rows)
    {
        var text = new StringBuilder().AppendJoin(',', Columns.Concat(_metrics.Select(metric => metric.Name))).Append('\n');
        foreach (var row in rows)
            text.Append(row).Append('\n');
        _file.Cut(0);
        _file.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private void WritePending()
    {
        if (_pending is not { } report)
            return;
        _pending = null;
        _length = 0;
        Append(report.Step);
        Append(_tokens);
        Append(_seconds);
        Append(report.Tokens / report.Seconds);
        Append(report.Loss);
        Append(report.GradientNorm);
        Append(report.LearningRate);
        Append(_validation?.Loss ?? double.NaN, empty: _validation is null);
        Append(_validation?.BitsPerByte ?? double.NaN, empty: double.IsNaN(_validation?.BitsPerByte ?? double.NaN));
        foreach (var (_, value) in _metrics)
            Append(value, empty: double.IsNaN(value));
        _row[_length - 1] = (byte)'\n';
        _validation = null;
        _file.Write(_row.AsSpan(0, _length));
    }

    // Without a string for each: steps allocate nothing.
    private void Append<T>(T value, bool empty = false)
        where T : IUtf8SpanFormattable
    {
        var written = 0;
        if (!empty && !value.TryFormat(_row.AsSpan(_length), out written, default, CultureInfo.InvariantCulture))
            throw new InvalidOperationException($"A row of '{_path}' is longer than {_row.Length} bytes: the run reports too many numbers.");
        _length += written;
        _row[_length++] = (byte)',';
    }
}
