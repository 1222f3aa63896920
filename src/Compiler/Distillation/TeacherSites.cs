using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>What a student's layers are compared with inside the teacher.</summary>
/// <param name="Block">The teacher's repeated block.</param>
/// <param name="Layers">For each layer of the student, that of the teacher.</param>
/// <param name="Hidden">Whether the layers' outputs are compared.</param>
/// <param name="Packed">The value of the block that its attention reads, where relations are compared; those of the last pair of layers.</param>
public sealed record TeacherSites(string Block, EquatableArray<int> Layers, bool Hidden, string? Packed)
{
    private const string Path = "training.distillation";

    /// <summary>The layers whose outputs are kept, ascending.</summary>
    public IEnumerable<int> KeptLayers => Hidden ? Layers.Distinct().OrderBy(layer => layer) : [];

    /// <summary>The layer whose queries, keys and values are kept.</summary>
    public int RelationLayer => Layers[Layers.Count - 1];

    /// <returns>Null where only predictions are compared.</returns>
    /// <exception cref="PassException">The layers do not fit.</exception>
    public static TeacherSites? Of(ModelSpec student, Graph own, ModelSpec teacher, Graph graph)
    {
        var distillation = student.Training.Distillation!;
        if (distillation.Hidden is null && distillation.Relations is null) return null;
        var (block, mine) = (OnlyBlock(graph, teacher.Model), OnlyBlock(own, student.Model));
        var map = Map(distillation.Layers, student.Model, own.Times(mine), teacher.Model, graph.Times(block));
        return new(block, map, distillation.Hidden is not null, distillation.Relations is null ? null : Attention(own, mine, student.Model, graph, block, teacher.Model, distillation.Relations));
    }

    /// <summary>The attention of a block that reads packed heads, of which there is one.</summary>
    public static Node? AttentionOf(Function block)
    {
        var all = block.Nodes.Where(n => n.Op == "attention").ToList();
        return all.Count == 1 ? all[0] : null;
    }

    /// <summary>Evenly, the last beside the last.</summary>
    private static EquatableArray<int> Map(EquatableArray<int> given, string student, int layers, string teacher, int taught)
    {
        if (given.Count == 0) return Enumerable.Range(1, layers).Select(i => Math.Max(1, i * taught / layers) - 1).ToEquatableArray();
        if (given.Count != layers) throw Wrong("layers", $"{student} has {layers} layers, but {given.Count} are given; write one for each");
        foreach (var layer in given)
            if (layer >= taught) throw Wrong("layers", $"{teacher} has {taught} layers, numbered from 0, and none with the number {layer}");
        return given;
    }

    private static string Attention(Graph own, string mine, string student, Graph graph, string block, string teacher, RelationLossSpec relations)
    {
        if (AttentionOf(own.Block(mine)) is not { } left) throw Wrong("relations", $"the layers of {student} have no one attention with queries, keys and values of its own");
        if (AttentionOf(graph.Block(block)) is not { } right) throw Wrong("relations", $"the layers of {teacher} have no one attention with queries, keys and values of its own");
        (long Heads, long KvHeads, long Size) Shape(Graph g, string name, Node node)
        {
            var (heads, kv) = (node.Attributes.Long("heads"), node.Attributes.Long("kv_heads"));
            return (heads, kv, g.Block(name).Types()[node.Inputs[0]].Last.Value / (heads + (2 * kv)));
        }

        var (a, b) = (Shape(own, mine, left), Shape(graph, block, right));
        if (relations.Kind == RelationKind.Minilm && (a.Heads != b.Heads || a.KvHeads != b.KvHeads))
            throw Wrong("relations", $"'kind: minilm' compares head with head, but {student} has {a.Heads} and {a.KvHeads} for keys, {teacher} {b.Heads} and {b.KvHeads}; write 'kind: minilm-v2'");
        foreach (var width in relations.Kind == RelationKind.Minilm ? [] : new[] { a.Heads * a.Size, a.KvHeads * a.Size, b.Heads * b.Size, b.KvHeads * b.Size })
            if (width % relations.Heads != 0)
                throw Wrong("relations.heads", $"{relations.Heads} relation heads do not divide a width of {width}; write a divisor of all widths of queries and keys");
        return right.Inputs[0];
    }

    private static string OnlyBlock(Graph graph, string model)
    {
        var blocks = graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")).ToList();
        return blocks.Count == 1 ? blocks[0] : throw Wrong("layers", $"{model} has {blocks.Count} repeated blocks; layers are compared in models with one");
    }

    private static PassException Wrong(string key, string message) => new(DiagnosticCatalog.TeacherLayers.At($"{Path}.{key}", message));
}
