using System.Globalization;

namespace ModelCompiler.Runtime.Training;

/// <summary>The columns of a metrics.csv, for the report.</summary>
internal sealed class MetricsTable
{
    private readonly string[] _names;
    private readonly List<double>[] _columns;

    public MetricsTable(string path)
    {
        // A run that still goes on has the file open for writing.
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file);
        _names = (reader.ReadLine() ?? "").Split(',');
        _columns = [.. _names.Select(_ => new List<double>())];
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(',');
            for (var i = 0; i < _columns.Length; i++)
                _columns[i].Add(i < fields.Length && double.TryParse(fields[i], CultureInfo.InvariantCulture, out var value) ? value : double.NaN);
        }
    }

    public int Rows => _columns[0].Count;

    /// <summary>The columns of the run's parts.</summary>
    public IEnumerable<string> OfParts => _names.Skip(MetricsFile.Columns.Length);

    public IReadOnlyList<double> this[string name] =>
        Array.IndexOf(_names, name) is >= 0 and var column ? _columns[column] : [];

    /// <summary>Points that have both values and are finite.</summary>
    public List<(double X, double Y)> Points(string x, string y)
    {
        var (xs, ys) = (this[x], this[y]);
        var points = new List<(double, double)>();
        for (var i = 0; i < Math.Min(xs.Count, ys.Count); i++)
        {
            if (double.IsFinite(xs[i]) && double.IsFinite(ys[i]))
                points.Add((xs[i], ys[i]));
        }

        return points;
    }
}
