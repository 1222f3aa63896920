using System.Globalization;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// The runs of model Q's studies in one folder: <c>&lt;steps&gt;-&lt;seed&gt;/&lt;model&gt;</c> is the run's own folder, and <c>points.csv</c> in it is
/// written when the run is complete, so a study that was stopped goes on with the runs that are missing, and studies share theirs. Delete the folder
/// to make them anew.
/// </summary>
/// <param name="folder">Made when the first run is.</param>
internal sealed class QualityRuns(string folder)
{
    private const string Header = "step,seconds,loss";

    /// <summary>The folder that the command line names, or <c>artifacts/quality</c>.</summary>
    public static QualityRuns Of(string[] args) => new(args.Option("--runs", Path.Combine("artifacts", "quality")));

    /// <summary>The same of a model in all of its steps.</summary>
    public IReadOnlyList<QualityPoint> Train(Func<int, ICompiledModel> create, int steps, int seed) => Train(new QualityVariant(string.Empty, 1, create), steps, seed);

    /// <summary>A model as its run, which is made unless it is there, left it.</summary>
    public ICompiledModel Trained(Func<int, ICompiledModel> create, int steps, int seed)
    {
        Train(create, steps, seed);
        var model = create(seed);
        ModelCheckpoint.Load(RunFolder.LastPath(Folder(new QualityVariant(string.Empty, 1, create), steps, seed))!, model);
        return model;
    }

    /// <summary>The validations of a run, which is made unless it is there.</summary>
    /// <param name="variant">What is trained.</param>
    /// <param name="steps">Steps of the study's baseline.</param>
    /// <param name="seed">Of the weights and the order of the data.</param>
    public IReadOnlyList<QualityPoint> Train(QualityVariant variant, int steps, int seed)
    {
        var run = Folder(variant, steps, seed);
        var path = Path.Combine(run, "points.csv");
        if (File.Exists(path)) return Read(path);
        if (Directory.Exists(run)) Directory.Delete(run, recursive: true);
        var points = QualityRun.Train(variant, seed, steps, run);
        File.WriteAllText(path, string.Concat(points.Select(point => FormattableString.Invariant($"{point.Step},{point.Seconds:F3},{point.Loss:R}\n")).Prepend(Header + "\n")));
        return points;
    }

    /// <summary>Where a run is: under its model's name, which is where a student looks for its teacher.</summary>
    public string Folder(QualityVariant variant, int steps, int seed)
    {
        using var model = variant.Create(seed);
        var share = variant.Share == 1 ? string.Empty : FormattableString.Invariant($"@{variant.Share}");
        return Path.Combine(folder, FormattableString.Invariant($"{steps}-{seed}"), model.Description.Name + share);
    }

    private static List<QualityPoint> Read(string path) =>
    [
        .. File.ReadLines(path).Skip(1).Select(line => line.Split(',')).Select(cells =>
            new QualityPoint(int.Parse(cells[0], CultureInfo.InvariantCulture), double.Parse(cells[1], CultureInfo.InvariantCulture), double.Parse(cells[2], CultureInfo.InvariantCulture))),
    ];
}
