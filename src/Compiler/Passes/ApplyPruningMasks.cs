using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Finds the matrices that <c>pruning</c> names and lists them in <see cref="Graph.Pruned"/>. The nodes stay as they are: removed weights
/// are zeros in the masters themselves, which every kernel, the copy in the compute type and every export then reads, so a step needs no
/// product with a mask. Whole parts that <c>to</c> removes are found by <see cref="Pruning.PrunedStructures"/>. The training program keeps them zero. Runs before AdaptLayers and ChunkLoss, while layers are still nodes of their own.
/// </summary>
public sealed class ApplyPruningMasks : Pass
{
    private const string Path = "efficiency.pruning", Weight = ".weight";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (PruningSpec.Resolve(spec) is not { To: null } pruning) return graph;
        var functions = graph.Main.Nodes.Where(OpTable.IsRepeat).Select(n => graph.Block(n.Attributes.String("block"))).Append(graph.Main);
        var layers = functions.SelectMany(f => Layers(graph, f)).ToList();
        var pruned = pruning.Targets.Count > 0 ? Named(layers, pruning.Targets)
            : layers.Any(l => l.Block.Length > 0) ? layers.Where(l => l.Block.Length > 0).SelectMany(l => l.Matching([])).ToList()
            : layers.Where(l => !l.Tied).SelectMany(l => l.Matching([])).ToList();
        Check(pruned, pruning);
        return graph with { Pruned = pruned.Select(p => p.Part).ToEquatableArray() };
    }

    /// <summary>A matrix of a linear layer.</summary>
    private sealed record Layer(string Block, string Name, Parameter Parameter, ParameterPart Matrix, int Sets, bool Tied, bool Experts)
    {
        public string FullName => (Block.Length == 0 ? "" : BlockNames.Layers(Block) + ".") + Name;

        /// <summary>The runs of sets that one of the patterns matches; all where there is no pattern.</summary>
        public IEnumerable<(Layer Layer, PrunedPart Part)> Matching(IReadOnlyList<LayerPattern> patterns)
        {
            var first = -1;
            for (var set = 0; set <= Sets; set++)
            {
                var name = Block.Length == 0 ? Name : $"{BlockNames.Layer(Block, set)}.{Name}";
                var matches = set < Sets && (patterns.Count == 0 || patterns.Any(p => p.Matches(name)));
                if (matches && first < 0) first = set;
                if (matches || first < 0) continue;
                yield return (this, new PrunedPart(Block, Parameter.Name, Matrix.Name, first, set - first));
                first = -1;
            }
        }
    }

    private static IEnumerable<Layer> Layers(Graph graph, Function function)
    {
        var block = function.Name == "main" ? "" : function.Name;
        foreach (var node in function.Nodes.Where(n => n.Op is "linear" or "linear_fp8" or "expert_linear"))
        {
            var parameter = function.Parameter(node.Inputs[1]);
            var tied = function.Nodes.Any(n => n.Op == "embedding" && n.Inputs[1] == parameter.Name);
            foreach (var part in parameter.Parts)
                yield return new(block, tied ? node.Outputs[0].Name : part.Name.Substring(0, part.Name.Length - Weight.Length), parameter, part,
                    block.Length == 0 ? 1 : graph.Sets(block), tied, node.Op == "expert_linear");
        }
    }

    private static List<(Layer Layer, PrunedPart Part)> Named(List<Layer> layers, EquatableArray<string> targets)
    {
        var patterns = targets.Select(t => new LayerPattern(t)).ToList();
        for (var i = 0; i < patterns.Count; i++)
        {
            var found = layers.Where(l => l.Matching([patterns[i]]).Any()).ToList();
            if (found.Any(l => l.Tied))
                throw new PassException(DiagnosticCatalog.PruningTarget.At($"{Path}.targets[{i}]",
                    $"'{targets[i]}' has the matrix of the embedding, whose rows are tokens; leave it out, or write 'tie-embeddings: false'"));
            if (found.Count == 0)
                throw new PassException(DiagnosticCatalog.PruningTarget.At($"{Path}.targets[{i}]",
                    $"the model has no linear layer '{targets[i]}'; {Suggestion.For(targets[i], layers.Select(l => l.FullName).Distinct().ToList(), "linear layers")}"));
        }
        return [.. layers.SelectMany(l => l.Matching(patterns))];
    }

    private static void Check(List<(Layer Layer, PrunedPart Part)> pruned, PruningSpec pruning)
    {
        foreach (var (layer, _) in pruned)
        {
            var columns = layer.Parameter.Type.Last.Value;
            if (pruning.Pattern is { } pattern && columns % PruningSpec.ParsePattern(pattern)!.Value.Of is not 0)
                throw new PassException(DiagnosticCatalog.PruningPattern.At(Path + ".pattern",
                    $"rows of '{layer.FullName}' have {columns} weights, which {pattern} does not divide; change the width, or leave the layer out of 'targets'"));
            if (layer.Experts && pruning.Method is PruningMethod.Wanda or PruningMethod.Sparsegpt)
                throw new PassException(DiagnosticCatalog.PruningInputs.At(Path + ".method",
                    $"each expert of '{layer.FullName}' reads rows of its own, which are not observed; write 'method: magnitude' or 'movement', or leave the experts out of 'targets'"));
        }
    }
}
