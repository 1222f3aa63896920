using System.Globalization;
using System.Text;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>The results as rows of cells: a measured value, and what it is of the first recipe's.</summary>
internal static class ComparisonTable
{
    /// <summary>One column of the table.</summary>
    /// <param name="Name">Its heading.</param>
    /// <param name="Value">Null where there is none.</param>
    /// <param name="Show">The value with its unit.</param>
    private sealed record Column(string Name, Func<RecipeResult, RecipeResult, double?> Value, Func<double, string> Show);

    private static readonly Column[] s_columns =
    [
        new("training", (result, _) => result.Seconds, seconds => Invariant($"{seconds:F1} s")),
        new("to its loss", (result, first) => result.SecondsTo(first.BitsPerByte), seconds => Invariant($"{seconds:F1} s")),
        new("FLOPs", (result, _) => result.Flops, SvgChart.Short),
        new("memory", (result, _) => result.Memory, bytes => MemoryCheck.Text((long)bytes)),
        new("parameters", (result, _) => result.Parameters, SvgChart.Short),
        new("artifact", (result, _) => result.Artifact, bytes => MemoryCheck.Text((long)bytes)),
        new("decode", (result, _) => result.Decode, speed => Invariant($"{speed:F0} tokens/s")),
        new("bits per byte", (result, _) => result.BitsPerByte, bits => Invariant($"{bits:F4}")),
    ];

    public static IEnumerable<string> Headings => s_columns.Select(column => column.Name).Prepend("model").Append("export");

    /// <summary>The cells of each result.</summary>
    public static IEnumerable<string[]> Rows(IReadOnlyList<RecipeResult> results) => results.Select(result => (string[])
    [
        result.Name,
        .. s_columns.Select(column => Cell(column, result, results[0])),
        Invariant($"{result.Quantization}: {result.ExportLoss:+0.00 %;-0.00 %;0.00 %}"),
    ]);

    /// <summary>The table in columns of characters.</summary>
    public static string Text(IReadOnlyList<RecipeResult> results)
    {
        string[][] rows = [[.. Headings], .. Rows(results)];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (var row in rows) text.Append(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
        return text.Append($"In parentheses: beside {results[0].Name}. To its loss: time of training until {results[0].Name}'s bits per byte. FLOPs: of the compiled steps. Memory: of training, as planned. Export: loss beside the trained model's.\n").ToString();
    }

    private static string Cell(Column column, RecipeResult result, RecipeResult first)
    {
        if (column.Value(result, first) is not { } value) return "never";
        var of = column.Value(first, first);
        return ReferenceEquals(result, first) || of is null or 0 ? column.Show(value) : Invariant($"{column.Show(value)} ({value / of:0.00}x)");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
