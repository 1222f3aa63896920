using System.Globalization;
using System.Net;
using System.Text;

namespace ModelCompiler.Runtime.Training;

/// <summary>A chart as inline SVG: lines over a common axis, or areas upon each other. A point tells its values when hovered over.</summary>
internal sealed class SvgChart(string title, string xLabel)
{
    private const int Width = 640, Height = 300, Left = 64, Right = 12, Top = 12, Bottom = 40, MostPoints = 300;

    private readonly List<(string Name, List<(double X, double Y)> Points)> _series = [];

    /// <summary>Adds a line. Of many points, the means of neighbours are drawn.</summary>
    public SvgChart Line(string name, List<(double X, double Y)> points)
    {
        if (points.Count > 0)
            _series.Add((name, Means(points)));
        return this;
    }

    public string Render()
    {
        if (_series.Count == 0)
            return "";
        var all = _series.SelectMany(series => series.Points).ToArray();
        var (x0, x1) = (all.Min(point => point.X), all.Max(point => point.X));
        var (y0, y1) = (all.Min(point => point.Y), all.Max(point => point.Y));
        if (x1 <= x0)
            x1 = x0 + 1;
        if (y1 - y0 <= 1e-9 * Math.Max(Math.Abs(y0), Math.Abs(y1))) // a constant, but for the rounding of its means
            (y0, y1) = y0 == 0 ? (0, 1) : (y0 - (Math.Abs(y0) / 2), y1 + (Math.Abs(y1) / 2));

        double X(double x) => Left + ((x - x0) / (x1 - x0) * (Width - Left - Right));
        double Y(double y) => Height - Bottom - ((y - y0) / (y1 - y0) * (Height - Top - Bottom));

        var text = Begin(title);
        foreach (var tick in Ticks(y0, y1))
            text.Append(Invariant($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(tick):0.#}\" y2=\"{Y(tick):0.#}\"/><text x=\"{Left - 6}\" y=\"{Y(tick) + 4:0.#}\" text-anchor=\"end\">{Short(tick)}</text>"));
        foreach (var tick in Ticks(x0, x1))
            text.Append(Invariant($"<text x=\"{X(tick):0.#}\" y=\"{Height - Bottom + 18}\" text-anchor=\"{(X(tick) > Width - Right - 20 ? "end" : "middle")}\">{Short(tick)}</text>"));
        for (var i = 0; i < _series.Count; i++)
        {
            var points = _series[i].Points;
            text.Append(Invariant($"<polyline class=\"s{i}\" points=\""));
            foreach (var (x, y) in points)
                text.Append(Invariant($"{X(x):0.#},{Y(y):0.#} "));
            text.Append("\"/>");
            foreach (var (x, y) in points)
            {
                text.Append(Invariant($"<circle class=\"{(points.Count <= 40 ? $"dot s{i}" : "hover")}\" cx=\"{X(x):0.#}\" cy=\"{Y(y):0.#}\" r=\"{(points.Count <= 40 ? 3 : 6)}\">"))
                    .Append("<title>").Append(Html($"{_series[i].Name}: {Short(y)} at {xLabel} {Short(x)}")).Append("</title></circle>");
            }
        }

        return End(text, [.. _series.Select(series => series.Name)]);
    }

    /// <summary>Areas upon each other, each constant from one operation to the next.</summary>
    /// <param name="parts">Names with a value for each operation.</param>
    /// <param name="mark">An operation at which a line is drawn, and what it says.</param>
    public string RenderStack(IReadOnlyList<(string Name, double[] Values)> parts, (int At, string Text) mark, Func<double, string> format)
    {
        var count = parts[0].Values.Length;
        var most = Enumerable.Range(0, count).Max(i => parts.Sum(part => part.Values[i]));

        double X(double x) => Left + (x / count * (Width - Left - Right));
        double Y(double y) => Height - Bottom - (y / most * (Height - Top - Bottom));

        var text = Begin(title);
        foreach (var share in new[] { 0.0, 0.5, 1.0 })
            text.Append(Invariant($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(most * share):0.#}\" y2=\"{Y(most * share):0.#}\"/><text x=\"{Left - 6}\" y=\"{Y(most * share) + 4:0.#}\" text-anchor=\"end\">{format(most * share)}</text>"));
        var below = new double[count];
        for (var i = 0; i < parts.Count; i++)
        {
            var (name, values) = parts[i];
            for (var j = 0; j < count; j++)
            {
                if (values[j] > 0)
                {
                    text.Append(Invariant($"<rect class=\"s{i % 10}\" x=\"{X(j):0.#}\" y=\"{Y(below[j] + values[j]):0.#}\" width=\"{X(j + 1) - X(j) + 0.5:0.#}\" height=\"{Y(below[j]) - Y(below[j] + values[j]):0.#}\">"))
                        .Append("<title>").Append(Html($"{name}: {format(values[j])}")).Append("</title></rect>");
                }

                below[j] += values[j];
            }
        }

        text.Append(Invariant($"<line class=\"mark\" x1=\"{X(mark.At):0.#}\" x2=\"{X(mark.At):0.#}\" y1=\"{Top}\" y2=\"{Height - Bottom}\"/><text x=\"{X(mark.At) + 4:0.#}\" y=\"{Height - Bottom + 18}\">{Html(mark.Text)}</text>"));
        return End(text, [.. parts.Select(part => part.Name)]);
    }

    public static string Html(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A number as short as a chart needs it.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1e9 => Invariant($"{value / 1e9:0.##}G"),
        >= 1e6 => Invariant($"{value / 1e6:0.##}M"),
        >= 1e4 => Invariant($"{value / 1e3:0.##}k"),
        >= 1 => Invariant($"{value:0.####}"),
        >= 1e-3 => Invariant($"{value:0.######}"),
        _ => Invariant($"{value:0.##e0}"),
    };

    private StringBuilder Begin(string name) => new StringBuilder($"<figure><figcaption>{Html(name)}</figcaption>").Append(
        Invariant($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Html(name)}\">"));

    private string End(StringBuilder text, string[] names)
    {
        text.Append(Invariant($"<text x=\"{Width - Right}\" y=\"{Height - 4}\" text-anchor=\"end\">{Html(xLabel)}</text></svg>"));
        if (names.Length > 1)
        {
            text.Append("<p class=\"legend\">");
            for (var i = 0; i < names.Length; i++)
                text.Append(Invariant($"<span class=\"s{i % 10}\">{Html(names[i])}</span> "));
            text.Append("</p>");
        }

        return text.Append("</figure>\n").ToString();
    }

    private static List<(double X, double Y)> Means(List<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints)
            return points;
        var means = new List<(double, double)>(MostPoints);
        for (var i = 0; i < MostPoints; i++)
        {
            var bucket = points[(int)((long)i * points.Count / MostPoints)..(int)((i + 1L) * points.Count / MostPoints)];
            means.Add((bucket[^1].X, bucket.Average(point => point.Y)));
        }

        return means;
    }

    private static IEnumerable<double> Ticks(double from, double to)
    {
        var raw = (to - from) / 5;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = new[] { 1, 2, 5, 10 }.First(factor => factor * power >= raw) * power;
        var first = Math.Ceiling(from / step);
        for (var i = 0; i <= 5 && (first + i) * step <= to; i++)
            yield return (first + i) * step;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
