using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The layer language: embedding first, head last, and the width that flows from layer to layer.</summary>
internal sealed class BlockRules
{
    private readonly ArchitectureSpec _architecture;
    private readonly List<Diagnostic> _found = [];

    private BlockRules(ArchitectureSpec architecture) => _architecture = architecture;

    public static IEnumerable<Diagnostic> Check(ArchitectureSpec architecture)
    {
        var rules = new BlockRules(architecture);
        rules.CheckEnds(architecture.Blocks, "architecture.blocks");
        rules.Flow(architecture.Blocks, "architecture.blocks", architecture.Width);
        rules.CheckPositions();
        return rules._found;
    }

    private void CheckEnds(EquatableArray<LayerSpec> layers, string path)
    {
        var last = layers.Count - 1;
        if (layers[0] is NumbersLayer)
        {
            CheckPlaces(layers, path, isWhole: true, isBlock: false);
            return;
        }
        if (_architecture.Vocabulary == 0)
            _found.Add(DiagnosticCatalog.VocabularyMissing.At("architecture", "a model of tokens needs their number; write 'vocabulary: 256' in the architecture, or begin the blocks with '- numbers: 1'"));
        if (layers[0] is not EmbeddingLayer)
            _found.Add(DiagnosticCatalog.FirstLayer.At(SpecPath.Item(path, 0), "the first layer is not 'embedding'; begin the blocks with '- embedding'"));
        if (layers[last] is not (HeadLayer or ClassifierLayer))
            _found.Add(DiagnosticCatalog.LastLayer.At(SpecPath.Item(path, last), "the last layer is not 'head'; end the blocks with '- head'"));
        if (layers.Count(layer => layer is ClassifierLayer) > 1)
            _found.Add(DiagnosticCatalog.MisplacedLayer.At(path, "the model has more than one 'classifier'; keep one of them"));
        CheckPlaces(layers, path, isWhole: true, isBlock: false);
    }

    private void CheckPlaces(EquatableArray<LayerSpec> layers, string path, bool isWhole, bool isBlock)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            var at = SpecPath.Item(path, i);
            if (layers[i] is EmbeddingLayer && !(isWhole && i == 0))
                _found.Add(DiagnosticCatalog.MisplacedLayer.At(at, "'embedding' can only be the first layer of the model; remove this one"));
            if (layers[i] is NumbersLayer && !(isWhole && i == 0))
                _found.Add(DiagnosticCatalog.MisplacedLayer.At(at, "'numbers' can only be the first layer of the model; remove this one"));
            if (layers[i] is HeadLayer && !(isWhole && i == layers.Count - 1))
                _found.Add(DiagnosticCatalog.MisplacedLayer.At(at, "'head' can only be the last layer of the model; remove this one"));
            if (layers[i] is ClassifierLayer && !isWhole)
                _found.Add(DiagnosticCatalog.MisplacedLayer.At(at, "'classifier' can only be a layer of the model itself, not of a block or branch; move it there"));
            if (layers[i] is RepeatLayer && isBlock)
                _found.Add(DiagnosticCatalog.NestedRepeat.At(at, "a 'repeat' cannot stand within another; write its layers out, or give the outer one more 'times'"));
            foreach (var body in LayerLists.Of(layers[i], at))
                CheckPlaces(body.Layers, body.Path, isWhole: false, isBlock || layers[i] is RepeatLayer);
        }
    }

    /// <summary>The width after the layers, for an input of <paramref name="width"/>.</summary>
    private int Flow(EquatableArray<LayerSpec> layers, string path, int width)
    {
        for (var i = 0; i < layers.Count; i++) width = Flow(layers[i], SpecPath.Item(path, i), width);
        return width;
    }

    private int Flow(LayerSpec layer, string path, int width)
    {
        switch (layer)
        {
            case EmbeddingLayer embedding:
                if (embedding.Position == PositionKind.Rope)
                    _found.Add(DiagnosticCatalog.LayerPosition.At(SpecPath.Key(path, "position"),
                        "the embedding adds learned positions or none; write 'position: rope' at the attention instead"));
                return embedding.Width ?? _architecture.Width;
            case NumbersLayer numbers:
                return numbers.Width;
            case AttentionLayer attention:
                if (attention.Position == PositionKind.Learned)
                    _found.Add(DiagnosticCatalog.LayerPosition.At(SpecPath.Key(path, "position"),
                        "attention has rotary positions or none; write 'position: learned' at the embedding instead"));
                _found.AddRange(AttentionRules.Check(attention, width, path));
                return width;
            case RelativeAttentionLayer attention:
                _found.AddRange(RelativeAttentionRules.Check(attention, width, _architecture.Context, path));
                return width;
            case LatentAttentionLayer attention:
                _found.AddRange(LatentAttentionRules.Check(attention, width, path, SpecPath.Key(path, "rope-width")));
                return width;
            case NormLayer { Kind: NormKind.Rms, Bias: true }:
                _found.Add(DiagnosticCatalog.RmsBias.At(SpecPath.Key(path, "bias"), "an rms norm has no bias; remove 'bias', or use 'kind: layer'"));
                return width;
            case ExpertsLayer experts:
                _found.AddRange(ExpertsRules.Check(experts.Count, experts.TopK, path));
                return width;
            case LinearLayer linear:
                return linear.Out;
            case RepeatLayer repeat:
                _found.AddRange(ShareRules.Check(repeat.Share, repeat.Times, path));
                return Body(layer, path, width);
            case ResidualLayer:
                return Body(layer, path, width);
            case TwoBranchLayer branches:
                return Branches(branches, path, width);
            case HeadLayer head:
                CheckHead(head, path, width);
                return width;
            default:
                return width;
        }
    }

    private int Body(LayerSpec layer, string path, int width)
    {
        var (layers, layersPath) = LayerLists.Of(layer, path).Single();
        var result = Flow(layers, layersPath, width);
        if (result != width)
            _found.Add(DiagnosticCatalog.BodyWidth.At(path,
                $"the layers take a width of {width} and give {result}; end them with '- linear: {width}'"));
        return width;
    }

    private int Branches(TwoBranchLayer layer, string path, int width)
    {
        var left = Flow(layer.Left, SpecPath.Key(path, "left"), width);
        var right = Flow(layer.Right, SpecPath.Key(path, "right"), width);
        if (left != right)
            _found.Add(DiagnosticCatalog.BranchWidth.At(path,
                $"the left branch gives a width of {left} and the right one {right}; end the right one with '- linear: {left}'"));
        return left;
    }

    private void CheckHead(HeadLayer head, string path, int width)
    {
        var embedding = _architecture.Blocks.OfType<EmbeddingLayer>().FirstOrDefault()?.Width ?? _architecture.Width;
        if (head.TieEmbeddings && width != embedding)
            _found.Add(DiagnosticCatalog.TiedHeadWidth.At(path,
                $"the embedding has a width of {embedding}, but the tied head gets {width}; put '- linear: {embedding}' before it"));
    }

    private void CheckPositions()
    {
        var layers = LayerLists.All(_architecture.Blocks, "architecture.blocks").ToArray();
        if (!layers.Any(entry => entry.Layer is EmbeddingLayer { Position: PositionKind.Learned })) return;
        foreach (var (_, path) in layers.Where(entry => entry.Layer is AttentionLayer { Position: PositionKind.Rope }).Take(1))
            _found.Add(DiagnosticCatalog.TwoPositions.At(SpecPath.Key(path, "position"),
                "the embedding has learned positions already; one of the two is enough"));
    }
}
