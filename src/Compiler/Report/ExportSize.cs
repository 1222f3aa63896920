using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Report;

/// <summary>
/// Bytes of the weights in the exported model, in the forms that <c>quantization</c> gives them. What <c>keep: [auto]</c> finds is not
/// known before the weights are.
/// </summary>
internal sealed class ExportSize
{
    private readonly QuantizationSpec? _quantization;
    private readonly LayerWeights? _weights;

    private ExportSize(QuantizationSpec? quantization) =>
        (_quantization, _weights) = (quantization, quantization is null ? null : new LayerWeights(quantization));

    public static long Of(CompiledModel model)
    {
        var size = new ExportSize(model.Spec.Efficiency.Quantization);
        return model.Layout.Slots.Concat(model.Frozen.Slots).Sum(slot => size.Of(slot, model.Export));
    }

    /// <summary>A matrix that several ops read stands there in the form of each, once.</summary>
    private long Of(ParameterSlot slot, Graph graph)
    {
        var functions = slot.Block.Length > 0 ? [graph.Block(slot.Block)] : graph.Blocks.Append(graph.Main).ToArray();
        var readers = functions.SelectMany(f => f.Nodes.Where(n => n.Uses.Any(name => Means(f, name, slot.Parameter.Name))).Select(n => (Function: f, Node: n))).ToList();
        var bytes = 0L;
        for (var set = 0; set < slot.Sets; set++)
            bytes += readers.Select(reader => Form(slot, reader.Function, reader.Node, set)).Distinct().Sum(form => Bytes(form, slot.Parameter.Type));
        return bytes;
    }

    private static bool Means(Function function, string used, string parameter) =>
        function.Parameters.FirstOrDefault(p => p.Name == used) is { } found && (found.SharedWith ?? found.Name) == parameter;

    /// <summary>Bits and group of a reader's weights; 32 for fp32. A group of 0 is a whole row.</summary>
    private (int Bits, int Group, bool Prompt) Form(ParameterSlot slot, Function function, Node node, int set)
    {
        if (_quantization is not { } quantization) return (32, 0, false);
        if (node.Op == "embedding") return quantization.Embeddings switch
        {
            EmbeddingType.Int8 => (8, quantization.Group, false),
            EmbeddingType.Int4 => (4, quantization.Group, false),
            _ => (32, 0, false),
        };
        if (node.Op is not ("linear" or "expert_linear") || !slot.Parameter.IsMatrix) return (32, 0, false);
        var layer = slot.Block.Length > 0 ? $"{BlockNames.Layer(slot.Block, set)}.{node.Outputs[0].Name}" : LayerNames.Of(function, node);
        return _weights!.Of(layer) switch
        {
            null => (32, 0, false),
            WeightType.Int8 => (8, 0, false),
            WeightType.Int4 => (4, quantization.Group, quantization.Prefill == PrefillType.Int8 && slot.Block.Length > 0),
            _ => (2, quantization.Group, quantization.Prefill == PrefillType.Int8 && slot.Block.Length > 0),
        };
    }

    private long Bytes((int Bits, int Group, bool Prompt) form, TensorType type)
    {
        if (form.Bits == 32) return 4 * type.Elements;
        var (columns, rows) = (type.Last.Value, type.Elements / type.Last.Value);
        if (form.Group == 0) return rows * (columns + sizeof(float));
        var groups = (columns + form.Group - 1) / form.Group;
        var zeros = form.Bits < 8 && _quantization is { Symmetric: false } ? ((groups * form.Bits) + 7) / 8 : 0;
        var packed = rows * ((groups * form.Group * form.Bits / 8) + (groups * sizeof(float)) + zeros);
        return form.Prompt ? packed + Bytes((8, 0, false), type) : packed;
    }
}
