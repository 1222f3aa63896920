using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>The page <c>compare.html</c>: the table, how good each recipe was after how much time and work, and cost against quality.</summary>
internal static class ComparisonPage
{
    public const string Name = "compare.html";

    public static void Write(IReadOnlyList<RecipeResult> results, string folder)
    {
        var page = HtmlPage.Begin(string.Join(", ", results.Select(result => result.Name)), "comparison");
        page.Append("<table>\n<tr>");
        foreach (var heading in ComparisonTable.Headings) page.Append($"<th scope=\"col\">{SvgChart.Html(heading)}</th>");
        page.Append("</tr>\n");
        foreach (var row in ComparisonTable.Rows(results))
        {
            page.Append($"<tr><th scope=\"row\">{SvgChart.Html(row[0])}</th>");
            foreach (var cell in row.Skip(1)) page.Append($"<td class=\"n\">{SvgChart.Html(cell)}</td>");
            page.Append("</tr>\n");
        }

        page.Append($"</table>\n<p>In parentheses: beside {SvgChart.Html(results[0].Name)}. FLOPs are those of the compiled steps, memory that of training as planned.</p>\n");
        page.Append("<h2>Bits per byte of held-out text</h2>\n<div class=\"charts\">\n");
        page.Append(Lines("against time", "seconds of training", result => result.Curve.Select(point => (point.Seconds, point.BitsPerByte))));
        page.Append(Lines("against work", "FLOPs", result => result.Curve.Select(point => (point.Flops, point.BitsPerByte))));
        page.Append("</div>\n<h2>Cost and quality</h2>\n<div class=\"charts\">\n");
        page.Append(Lines("training", "seconds of training", result => [(result.Seconds, result.BitsPerByte)]));
        page.Append(Lines("size", "bytes of the artifact", result => [(result.Artifact, result.BitsPerByte * (1 + result.ExportLoss))]));
        page.Append(Lines("use", "milliseconds a decoded token", result => [(1000 / result.Decode, result.BitsPerByte * (1 + result.ExportLoss))]));
        HtmlPage.Write(page.Append("</div>\n"), Path.Combine(folder, Name));

        string Lines(string title, string x, Func<RecipeResult, IEnumerable<(double, double)>> points) =>
            results.Aggregate(new SvgChart(title, x), (chart, result) => chart.Line(result.Name, [.. points(result)])).Render();
    }
}
