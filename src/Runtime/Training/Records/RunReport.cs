using System.Globalization;
using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The page <c>report.html</c> of a run: how the loss went, how fast it was, what the memory is used for, what each part of the
/// run did. One file without scripts, fonts or anything else from elsewhere.
/// </summary>
internal static class RunReport
{
    public const string Name = "report.html";

    private const string Style =
        """
        :root{color-scheme:light dark;--c0:#1f6feb;--c1:#d1590b;--c2:#2a8f4f;--c3:#8250df;--c4:#bf3989;--c5:#9a7500;--c6:#0f8a96;--c7:#6e7781;--c8:#b5483a;--c9:#5b6ee1}
        @media(prefers-color-scheme:dark){:root{--c0:#6cb0ff;--c1:#ff9d5c;--c2:#5ccb83;--c3:#bb9bff;--c4:#f48fc4;--c5:#e0bd4a;--c6:#4fd0dc;--c7:#a0a8b0;--c8:#ff8f80;--c9:#9aa8ff}}
        body{font:15px/1.45 system-ui,sans-serif;max-width:86rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem}
        figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}
        svg text{font-size:13px;fill:currentColor;opacity:.75}.grid{stroke:currentColor;opacity:.15}.mark{stroke:currentColor;stroke-dasharray:4 4;opacity:.6}
        polyline{fill:none;stroke:var(--c);stroke-width:1.8}circle.dot,rect{fill:var(--c)}circle.hover{fill:transparent}rect:hover{opacity:.7}
        .legend{margin:.2rem 0;font-size:.85rem}.legend span{margin-right:.9rem;white-space:nowrap}.legend span::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;background:var(--c);border-radius:2px}
        table{border-collapse:collapse}td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
        .s0{--c:var(--c0)}.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}.s4{--c:var(--c4)}.s5{--c:var(--c5)}.s6{--c:var(--c6)}.s7{--c:var(--c7)}.s8{--c:var(--c8)}.s9{--c:var(--c9)}
        """;

    /// <summary>Writes the page from the run's metrics.csv.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="model">What was trained.</param>
    /// <param name="state">Where the run stands.</param>
    /// <param name="device">Where it was trained.</param>
    /// <param name="facts">What parts of the run did.</param>
    public static void Write(string folder, ModelDescription model, RunState state, string device, IEnumerable<(string Name, string Value)> facts)
    {
        var table = new MetricsTable(Path.Combine(folder, MetricsFile.Name));
        var page = new StringBuilder(
            $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{SvgChart.Html(model.Name)}: training report</title>\n<style>\n{Style}\n</style></head>\n<body>\n<h1>{SvgChart.Html(model.Name)}</h1>\n");
        Rows(page, Summary(model, state, device, table));

        page.Append("<h2>Loss, nats per token</h2>\n<div class=\"charts\">\n");
        foreach (var x in new[] { "step", "tokens", "seconds" })
        {
            page.Append(new SvgChart($"against {x}", x)
                .Line("training", table.Points(x, "loss")).Line("validation", table.Points(x, "validation-loss")).Render());
        }

        page.Append("</div>\n<h2>Steps</h2>\n<div class=\"charts\">\n");
        foreach (var column in new[] { "tokens-per-second", "learning-rate", "gradient-norm" }.Concat(table.OfParts))
            page.Append(new SvgChart(column, "step").Line(column, table.Points("step", column)).Render());
        page.Append("</div>\n");

        if (model.Memory is { } memory)
            Memory(page, memory);
        var all = Facts(model, state).Concat(facts).ToArray();
        if (all.Length > 0)
        {
            page.Append("<h2>What the directives did</h2>\n");
            Rows(page, all);
        }

        AtomicFile.WriteText(Path.Combine(folder, Name), page.Append("</body></html>\n").ToString());
    }

    private static IEnumerable<(string, string)> Summary(ModelDescription model, RunState state, string device, MetricsTable table)
    {
        yield return ("parameters", Invariant($"{model.ParameterCount:N0}"));
        yield return ("compute", Invariant($"{model.Compute.ToString().ToLowerInvariant()} on {device}"));
        yield return ("steps", Invariant($"{state.Step:N0} of {state.Steps:N0}"));
        if (table.Rows > 0)
        {
            var (tokens, seconds) = (table["tokens"][^1], table["seconds"][^1]);
            yield return ("tokens", Invariant($"{tokens:N0} of {state.Source}, which has {state.SourceTokens:N0}"));
            yield return ("time of the steps", Invariant($"{TimeSpan.FromSeconds(seconds):hh\\:mm\\:ss}, {tokens / seconds:N0} tokens/s"));
        }

        if (state.Best is { } best)
            yield return ("best validation", best.Measures.Count > 0 ? best.ToString() : Invariant($"{best.Loss:F4} nats per token, {best.BitsPerByte:F4} bits per byte"));
    }

    private static IEnumerable<(string, string)> Facts(ModelDescription model, RunState state)
    {
        if (model.RecomputedFlops > 0)
            yield return ("recomputed by checkpointing", Invariant($"{100.0 * model.RecomputedFlops / model.ForwardFlops:0.0} % of the forward FLOPs"));
        if (state.SkippedSteps > 0)
            yield return ("steps without an update, not finite", Invariant($"{state.SkippedSteps:N0}"));
        if (state.SkippedBatches.Count > 0)
            yield return ("batches left out, not finite", string.Join(", ", state.SkippedBatches));
    }

    private static void Memory(StringBuilder page, MemoryPlan memory)
    {
        page.Append("<h2>Memory, as planned</h2>\n");
        Rows(page,
        [
            ("parameters", MemoryCheck.Text(memory.Parameters)), ("gradients", MemoryCheck.Text(memory.Gradients)),
            ("optimizer", MemoryCheck.Text(memory.Optimizer)), ("activations, one arena", MemoryCheck.Text(memory.Activations)),
            .. memory.Segments > 0 ? [("memory of earlier segments", MemoryCheck.Text(memory.Segments))] : Array.Empty<(string, string)>(),
            ("together", MemoryCheck.Text(memory.Total)),
        ]);
        var shown = memory.Parts.Take(9).ToArray();
        var parts = shown.Select(part => (part.Name, Over([part]))).Append(("other parts", Over(memory.Parts.Skip(9))))
            .Where(part => part.Item2.Any(bytes => bytes > 0)).ToArray();
        if (parts.Length > 0)
        {
            page.Append("<div class=\"charts\">\n").Append(new SvgChart("activations needed over a step", "operations in order").RenderStack(
                parts, (memory.Backward, "backward pass"), bytes => MemoryCheck.Text((long)bytes))).Append("</div>\n");
        }

        double[] Over(IEnumerable<MemoryPart> of)
        {
            var bytes = new double[memory.Operations];
            foreach (var part in of)
            {
                for (var i = part.First; i <= part.Last; i++)
                    bytes[i] += part.Bytes;
            }

            return bytes;
        }
    }

    private static void Rows(StringBuilder page, IEnumerable<(string Name, string Value)> rows)
    {
        page.Append("<table>\n");
        foreach (var (name, value) in rows)
            page.Append($"<tr><th scope=\"row\">{SvgChart.Html(name)}</th><td>{SvgChart.Html(value)}</td></tr>\n");
        page.Append("</table>\n");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
