using System.Globalization;
using System.Text;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The page <c>report.html</c> of a run: how the loss went, how fast it was, what the memory is used for, what each part of the
/// run did. One file without scripts, fonts or anything else from elsewhere.
/// </summary>
internal static class RunReport
{
    public const string Name = "report.html";

    /// <summary>Writes the page from the run's metrics.csv.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="model">What was trained.</param>
    /// <param name="state">Where the run stands.</param>
    /// <param name="device">Where it was trained.</param>
    /// <param name="facts">What parts of the run did.</param>
    public static void Write(string folder, ModelDescription model, RunState state, string device, IEnumerable<(string Name, string Value)> facts)
    {
        var table = new MetricsTable(Path.Combine(folder, MetricsFile.Name));
        var page = HtmlPage.Begin(model.Name, "training report");
        HtmlPage.Rows(page, Summary(model, state, device, table));

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
            HtmlPage.Rows(page, all);
        }

        HtmlPage.Write(page, Path.Combine(folder, Name));
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
            yield return ("time of the steps", Invariant($"{(long)seconds / 3600:00}:{TimeSpan.FromSeconds(seconds):mm\\:ss}, {tokens / seconds:N0} tokens/s"));
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
        HtmlPage.Rows(page,
        [
            ("parameters", MemoryCheck.Text(memory.Parameters)), ("gradients", MemoryCheck.Text(memory.Gradients)),
            ("optimizer", MemoryCheck.Text(memory.Optimizer)), ("activations, one arena", MemoryCheck.Text(memory.Activations)),
            .. memory.Others.Select(share => (share.Name, MemoryCheck.Text(share.Bytes))),
            ("together", MemoryCheck.Text(memory.Total)),
        ]);
        var buffers = memory.Parts.GroupBy(part => part.Name).ToArray();
        var parts = buffers.Take(9).Select(of => (of.Key, Over(of))).Append(("other parts", Over(buffers.Skip(9).SelectMany(of => of))))
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
                for (var i = part.First; i <= Math.Min(part.Last, bytes.Length - 1); i++) // results are needed behind the last operation
                    bytes[i] += part.Bytes;
            }

            return bytes;
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
