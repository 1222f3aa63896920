using System.Globalization;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// The runs of a study in a CSV file, a line for each validation. A run is written when it is complete, so a study that was
/// stopped goes on with the runs that are missing.
/// </summary>
internal sealed class QualityResults
{
    private const string Header = "variant,steps,seed,step,seconds,loss";

    private readonly string _path;
    private readonly Dictionary<(string Variant, int Steps, int Seed), List<QualityPoint>> _runs = [];

    public QualityResults(string path)
    {
        _path = path;
        if (!File.Exists(path))
        {
            File.WriteAllText(path, Header + "\n");
            return;
        }

        foreach (var line in File.ReadLines(path).Skip(1))
        {
            var cells = line.Split(',');
            var key = (cells[0], Whole(cells[1]), Whole(cells[2]));
            if (!_runs.TryGetValue(key, out var points))
                _runs.Add(key, points = []);
            points.Add(new QualityPoint(Whole(cells[3]), Real(cells[4]), Real(cells[5])));
        }
    }

    /// <summary>The run if it was made; null if not.</summary>
    /// <param name="variant">Its name.</param>
    /// <param name="steps">Steps of the study's baseline.</param>
    /// <param name="seed">Its seed.</param>
    public IReadOnlyList<QualityPoint>? Find(string variant, int steps, int seed) => _runs.GetValueOrDefault((variant, steps, seed));

    public void Add(string variant, int steps, int seed, List<QualityPoint> points)
    {
        _runs[(variant, steps, seed)] = points;
        File.AppendAllText(_path, string.Concat(points.Select(point =>
            FormattableString.Invariant($"{variant},{steps},{seed},{point.Step},{point.Seconds:F3},{point.Loss:R}\n"))));
    }

    private static int Whole(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);

    private static double Real(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
}
