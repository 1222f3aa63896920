using Microsoft.Build.Utilities;
using ModelCompiler.Build.Tasks;

namespace ModelCompiler.Build.Tests.Tasks;

public sealed class ReportModelsTests : IDisposable
{
    private const string Source =
        """
        partial class TinyLm
        {
            // A comment.
            // <report>
            // # TinyLm
            //
            //     parameters  7
            //     weights     28B
            //
            // ## Layers
            //
            //     not in the table
            // </report>
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("report-models").FullName;
    private readonly Recorder _build = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AReportBecomesAFileAndItsTableIsPrinted()
    {
        var reports = Run(Source);

        Assert.Equal(Path.Combine(_folder, "obj", "TinyLm.report.md"), Assert.Single(reports));
        Assert.Equal("# TinyLm\n\n    parameters  7\n    weights     28B\n\n## Layers\n\n    not in the table\n", File.ReadAllText(reports[0]));
        Assert.Equal(["  TinyLm", "      parameters  7", "      weights     28B"], _build.Messages);
    }

    [Fact]
    public void OnlyAChangedReportIsPrintedAgain()
    {
        Run(Source);
        _build.Messages.Clear();

        Run(Source);
        Assert.Empty(_build.Messages);

        Run(Source.Replace("28B", "56B"));
        Assert.Contains("      weights     56B", _build.Messages);
    }

    private string[] Run(string source)
    {
        var path = Path.Combine(_folder, "TinyLm.Report.g.cs");
        File.WriteAllText(path, source);
        var task = new ReportModels { BuildEngine = _build, Sources = [new TaskItem(path)], OutputDirectory = Path.Combine(_folder, "obj") };
        Assert.True(task.Execute());
        return [.. task.Reports.Select(report => report.ItemSpec)];
    }
}
