using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Tokenizers;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// What ONNX Runtime GenAI loads: <c>genai_config.json</c>, and beside the graph of this runtime one over the same weights that has
/// GenAI's inputs: an attention mask in the place of lengths, logits of all positions, caches of any length.
/// </summary>
internal static class GenAi
{
    public const string Graph = "genai.onnx", Config = "genai_config.json";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    /// <summary>Whether GenAI knows models like it: decoders whose layers have a key-value cache of one shape, and nothing else.</summary>
    public static bool Knows(GraphProto graph)
    {
        var pasts = graph.Input.Where(input => input.Name.StartsWith("past_", StringComparison.Ordinal)).ToList();
        return pasts.Count > 0 && graph.Input.Any(input => input.Name == OnnxGraph.PastLengths)
            && pasts.All(past => past.Name.StartsWith("past_key_values.", StringComparison.Ordinal) && past.Type.Equals(pasts[0].Type))
            && pasts[0].Type.TensorType.ElemType == (int)DataType.Float;
    }

    /// <summary>Writes both beside the model.</summary>
    public static void Write(ModelProto model, ModelDescription description, ITextTokenizer tokenizer, string folder)
    {
        var (clone, past) = (model.Clone(), model.Graph.Input.First(input => input.Name == "past_key_values.0.key").Type.TensorType.Shape);
        Rewrite(clone.Graph);
        OnnxFolder.WriteGraph(Path.Combine(folder, Graph), clone);

        var attention = model.Graph.Node.First(node => node.OpType == "GroupQueryAttention");
        long Heads(string name) => attention.Attribute.First(attribute => attribute.Name == name).I;
        JsonObject inputs = new()
        {
            ["input_ids"] = OnnxGraph.InputIds, ["attention_mask"] = OnnxGraph.Mask,
            ["past_key_names"] = "past_key_values.%d.key", ["past_value_names"] = "past_key_values.%d.value",
        };
        if (model.Graph.Input.Any(input => input.Name == OnnxGraph.PositionIds)) inputs["position_ids"] = OnnxGraph.PositionIds;
        JsonObject config = new()
        {
            ["model"] = new JsonObject
            {
                ["type"] = "decoder",
                ["bos_token_id"] = tokenizer.StartOfText,
                ["eos_token_id"] = tokenizer.EndOfText,
                ["pad_token_id"] = tokenizer.EndOfText,
                ["context_length"] = description.Context,
                ["vocab_size"] = description.Vocabulary,
                ["decoder"] = new JsonObject
                {
                    ["session_options"] = new JsonObject { ["log_id"] = "onnxruntime-genai", ["provider_options"] = new JsonArray() },
                    ["filename"] = Graph,
                    ["head_size"] = past.Dim[3].DimValue,
                    ["hidden_size"] = Heads("num_heads") * past.Dim[3].DimValue,
                    ["num_attention_heads"] = Heads("num_heads"),
                    ["num_key_value_heads"] = Heads("kv_num_heads"),
                    ["num_hidden_layers"] = model.Graph.Node.Count(node => node.OpType == "GroupQueryAttention"),
                    ["inputs"] = inputs,
                    ["outputs"] = new JsonObject
                    {
                        ["logits"] = OnnxGraph.Logits, ["present_key_names"] = "present.%d.key", ["present_value_names"] = "present.%d.value",
                    },
                },
            },
            ["search"] = new JsonObject
            {
                ["do_sample"] = false, ["max_length"] = description.Context, ["min_length"] = 0, ["num_beams"] = 1, ["num_return_sequences"] = 1,
                ["past_present_share_buffer"] = true, ["repetition_penalty"] = 1.0, ["temperature"] = 1.0, ["top_k"] = 1, ["top_p"] = 1.0,
            },
        };
        AtomicFile.WriteText(Path.Combine(folder, Config), config.ToJsonString(s_json) + "\n");
    }

    private static void Rewrite(GraphProto graph)
    {
        foreach (var name in (string[])[OnnxGraph.RowsInput, OnnxGraph.PastLengths, OnnxGraph.TotalLength])
            graph.Input.Remove(graph.Input.First(input => input.Name == name));
        var rows = graph.Node.First(node => node.OpType == "Gather" && node.Input[1] == OnnxGraph.RowsInput);
        rows.OpType = "Identity";
        rows.Input.RemoveAt(1);
        rows.Attribute.Clear();

        graph.Input.Add(OnnxBuilder.Describe(OnnxGraph.Mask, DataType.Int64, ["batch", "total"]));
        NodeProto[] lengths =
        [
            Node("ReduceSum", "genai.counts", [OnnxGraph.Mask, "genai.one"], OnnxBuilder.Attribute("keepdims", 0)),
            Node("Sub", "genai.last", ["genai.counts", "genai.one"]),
            Node("Cast", OnnxGraph.PastLengths, ["genai.last"], OnnxBuilder.Attribute("to", (long)DataType.Int32)),
            Node("Shape", "genai.total", [OnnxGraph.Mask], OnnxBuilder.Attribute("start", 1L), OnnxBuilder.Attribute("end", 2L)),
            Node("Squeeze", "genai.total.number", ["genai.total"]),
            Node("Cast", OnnxGraph.TotalLength, ["genai.total.number"], OnnxBuilder.Attribute("to", (long)DataType.Int32)),
        ];
        graph.Initializer.Add(OnnxBuilder.Inline<long>("genai.one", DataType.Int64, [1], 1));
        for (var i = 0; i < lengths.Length; i++) graph.Node.Insert(i, lengths[i]);

        foreach (var value in graph.Input.Concat(graph.Output))
        {
            var cache = value.Name.StartsWith("past_key_values.", StringComparison.Ordinal) || value.Name.StartsWith("present.", StringComparison.Ordinal);
            if (cache) value.Type.TensorType.Shape.Dim[2] = new TensorShapeProto.Types.Dimension { DimParam = "cache" };
            if (value.Name == OnnxGraph.Logits) value.Type.TensorType.Shape.Dim[1] = new TensorShapeProto.Types.Dimension { DimParam = "sequence" };
        }
    }

    private static NodeProto Node(string op, string output, string[] inputs, params AttributeProto[] attributes) =>
        new() { OpType = op, Name = output + "/" + op, Input = { inputs }, Output = { output }, Attribute = { attributes } };
}
