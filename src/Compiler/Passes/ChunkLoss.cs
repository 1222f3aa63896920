using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Joins the output head with the loss where the logits of a batch are large: they and their gradient then exist for some rows at
/// a time, and the training step calculates loss and gradients together, each chunk while it is in the cache (Wijmans et al. 2024,
/// Hsu et al. 2024). Small logits stay whole: more, smaller products would only cost time.
/// Before: y = linear(x, w); loss, .. = cross_entropy(y, targets). After: loss, .. = linear_cross_entropy(x, w, _, targets).
/// </summary>
public sealed class ChunkLoss : Pass
{
    /// <summary>Bytes of logits up to which they are not divided, and to which chunks are halved.</summary>
    public const long ChunkBytes = 8L << 20;

    /// <summary>Rows below which products, and the many additions to the weight's gradient, become slow: no fewer, but where that would be all.</summary>
    private const long FewestRows = 512;

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var main = graph.Main;
        if (main.Nodes.LastOrDefault(n => n.Op == "cross_entropy") is not { } loss) return graph;
        var logits = main.Nodes.First(n => n.Outputs[0].Name == loss.Inputs[0]);
        var bias = logits.Op == "add_bias" ? logits : null;
        var linear = bias is null ? logits : main.Nodes.First(n => n.Outputs[0].Name == bias.Inputs[0]);
        // Scores of samples (el2n) read the logits too, which then stay whole.
        var alone = main.Nodes.Count(n => n.Inputs.Contains(logits.Outputs[0].Name)) == 1;
        if (!alone || linear.Op != "linear" || linear.Inputs.Count != 2) return graph;

        var type = main.Types()[logits.Outputs[0].Name];
        var rows = Rows(type);
        // A teacher's logits are never whole, so the student's are not either.
        if (rows == type.Rows && graph.Teacher is null) return graph;
        var joined = loss with
        {
            Op = "linear_cross_entropy",
            Inputs = linear.Inputs.Concat([bias?.Inputs[1] ?? ""]).Concat(loss.Inputs.Skip(1)).ToEquatableArray(),
            Outputs = loss.Outputs.Take(2).Append(new Value(logits.Outputs[0].Name + ".chunk")).Concat(loss.Outputs.Skip(3)).ToEquatableArray(),
            Attributes = main.Parameter(linear.Inputs[1]).Frozen ? loss.Attributes.With("rows", rows).With("frozen", true) : loss.Attributes.With("rows", rows),
            Origin = linear.Origin,
        };
        var nodes = main.Nodes.Where(n => n != linear && n != bias).Select(n => n == loss ? joined : n).ToEquatableArray();
        return InferShapes.Infer(graph with { Main = main with { Nodes = nodes } });
    }

    /// <summary>The most rows, by halving, that fit; no fewer than a product needs, but never all where they do not fit. The last chunk may have fewer.</summary>
    private static long Rows(TensorType logits)
    {
        var (rows, row) = (logits.Rows, logits.Bytes / logits.Rows);
        while (rows > 1 && rows * row > ChunkBytes && (rows == logits.Rows || Half() >= FewestRows)) rows = Half();
        return rows;

        long Half() => (rows + 1) / 2;
    }
}
