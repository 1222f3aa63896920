using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Decides what the backward pass reads and what it computes again. Two levels:
/// <list type="bullet">
/// <item>Within a block, cheap ops (norms, activations, rotations) run again whenever that saves bytes: their inputs are
/// mostly kept anyway. Always on, since it costs a pass over memory and no matrix product. <c>save</c> and
/// <c>budget</c> repeat matrix products and attention too.</item>
/// <item>Over blocks, segments keep only their inputs. The last segment is never computed again: its backward pass
/// follows at once.</item>
/// </list>
/// The kernels and their inputs are the same, so gradients are bit-identical.
/// </summary>
public sealed class ChooseCheckpoints : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var checkpoint = spec.Efficiency.Checkpoint;
        if (checkpoint?.Budget is { } budget) return CheckpointSearch.Find(graph, spec, budget.Bytes);

        var blocks = graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")).ToList();
        if (checkpoint is not null) CheckNames(graph, blocks, checkpoint.Save);
        foreach (var block in blocks)
        {
            var starts = checkpoint is null ? [] : Starts(checkpoint, block, graph.Times(block));
            graph = Choice(graph, block, checkpoint, spec, starts).Apply(graph);
            graph = Segmentation.Divide(graph, block, starts);
        }
        return graph;
    }

    /// <summary>
    /// Segments of one layer compute all of it again in any case: the products that activation functions read then best in the backward pass itself,
    /// where that goes through the rows by halves.
    /// </summary>
    private static Rematerialization Choice(Graph graph, string block, CheckpointSpec? checkpoint, ModelSpec spec, List<int> starts)
    {
        var forward = graph.Block(block);
        if (checkpoint is { Save.Count: > 0 }) return Rematerialization.Keeping(forward, checkpoint.Save);
        if (starts.Count < 3 || starts.Count <= graph.Times(block)) return Rematerialization.Cheap(forward);
        var hidden = HalveMlp.Of(graph, block, spec);
        return Rematerialization.With(new ForwardPass(forward), [.. forward.Nodes.Where(n => !Rematerialization.IsCheap(n)).Select(n => n.Outputs[0].Name).Where(hidden.Contains)]);
    }

    private static List<int> Starts(CheckpointSpec checkpoint, string block, int times) => checkpoint switch
    {
        { Every: { } every } => Segmentation.Every(every, times),
        { Layers: CheckpointLayers.All } => Segmentation.Every(1, times),
        { Layers: CheckpointLayers.Sqrt } => Segmentation.Sqrt(times),
        _ => Segmentation.At(checkpoint.Boundaries, block, times),
    };

    private static void CheckNames(Graph graph, List<string> blocks, EquatableArray<string> names)
    {
        var values = blocks.SelectMany(b => graph.Block(b).Nodes).SelectMany(n => n.Outputs).Select(o => o.Name).Distinct().ToList();
        for (var i = 0; i < names.Count; i++)
            if (!values.Any(v => Rematerialization.Names(names[i], v)))
                throw new PassException(DiagnosticCatalog.CheckpointSave.At(
                    $"efficiency.checkpoint.save[{i}]", $"no repeated block computes '{names[i]}'; {Suggestion.For(names[i], values, "values")}"));
    }
}
