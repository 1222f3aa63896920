using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;
using TaskItem = Microsoft.Build.Utilities.TaskItem;

namespace ModelCompiler.Build.Tasks;

/// <summary>
/// Writes what each model costs, which the generator has left in a comment, to <c>TinyLm.report.md</c>, and prints the compact
/// table of each report that is new or has changed.
/// </summary>
public sealed class ReportModels : Task
{
    private const string Begin = "// <report>", End = "// </report>", Suffix = ".Report.g.cs";

    /// <summary>The generated files with reports.</summary>
    [Required]
    public ITaskItem[] Sources { get; set; } = [];

    /// <summary>Where the reports go.</summary>
    [Required]
    public string OutputDirectory { get; set; } = "";

    /// <summary>The reports.</summary>
    [Output]
    public ITaskItem[] Reports { get; private set; } = [];

    public override bool Execute()
    {
        Reports = [.. Sources.Where(source => source.ItemSpec.EndsWith(Suffix, StringComparison.Ordinal)).Select(source => new TaskItem(Report(source.ItemSpec)))];
        return true;
    }

    private string Report(string source)
    {
        var name = Path.GetFileName(source);
        var path = Path.Combine(OutputDirectory, name.Substring(0, name.Length - Suffix.Length) + ".report.md");
        string[] report =
        [
            .. File.ReadAllLines(source).Select(line => line.Trim())
                .SkipWhile(line => line != Begin).Skip(1).TakeWhile(line => line != End)
                .Select(line => line.Length > 2 ? line.Substring(3) : ""),
        ];
        if (File.Exists(path) && File.ReadAllLines(path).SequenceEqual(report)) return path;

        Directory.CreateDirectory(OutputDirectory);
        File.WriteAllText(path, string.Concat(report.Select(line => line + "\n")));
        // The title, and the indented lines below it.
        var table = report.Take(1).Select(line => line.TrimStart('#', ' ')).Concat(report.Skip(1).TakeWhile(line => line.Length == 0 || line[0] == ' ').Where(line => line.Length > 0));
        foreach (var line in table) Log.LogMessage(MessageImportance.High, "{0}", "  " + line);
        return path;
    }
}
