using System.Runtime.Intrinsics.X86;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Onnx.Steps.Ops;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>The operators that have a kernel for one token. Each adds its op to a plan, or says that this use of it has none.</summary>
internal static class StepKernels
{
    private static readonly Dictionary<string, Func<StepBuilder, NodeProto, bool>> s_all = new(StringComparer.Ordinal)
    {
        ["Gather"] = Lookup.Add,
        ["GatherBlockQuantized"] = PackedLookup.Add,
        ["MatMul"] = Product.Add,
        ["MatMulNBits"] = PackedProduct.AddGroups,
        ["DynamicQuantizeMatMul"] = PackedProduct.AddRows,
        ["LayerNormalization"] = Norm.AddLayer,
        ["SimplifiedLayerNormalization"] = Norm.AddRms,
        ["SkipSimplifiedLayerNormalization"] = Norm.AddSkip,
        ["GroupQueryAttention"] = CacheAttention.Add,
        ["Add"] = Pointwise.AddSum,
        ["Mul"] = Pointwise.AddProduct,
        ["Sub"] = Pointwise.AddDifference,
        ["Div"] = Pointwise.AddQuotient,
        ["Sigmoid"] = Pointwise.AddSigmoid,
        ["Tanh"] = Pointwise.AddTanh,
        ["Relu"] = Pointwise.AddRelu,
        ["Gelu"] = Pointwise.AddGelu,
        ["Concat"] = Join.Add,
        ["Split"] = Views.Split,
        ["Slice"] = Views.Slice,
        ["Unsqueeze"] = Views.Unsqueeze,
        ["Reshape"] = Views.Reshape,
        ["Identity"] = Views.Identity,
        ["Transpose"] = Views.Constant, // of a tied weight, which the product turns itself
        ["If"] = Step,
    };

    /// <summary>Whether this processor multiplies bytes as the kernels do.</summary>
    public static bool AreSupported => Avx2.IsSupported;

    /// <summary>Adds the ops of nodes; false where one has none.</summary>
    public static bool Add(StepBuilder builder, IEnumerable<NodeProto> nodes)
    {
        foreach (var node in nodes)
        {
            // Only prompts have need of it.
            if (node.Output is [PromptLinear.IsPrompt] or ["sequence_length"]) continue;
            if (!s_all.TryGetValue(node.OpType, out var add) || !add(builder, node)) return false;
        }

        return true;
    }

    /// <summary>Of the two forms of a layer that for few tokens.</summary>
    private static bool Step(StepBuilder builder, NodeProto node)
    {
        if (node.Input[0] != PromptLinear.IsPrompt || node.Attribute.First(attribute => attribute.Name == "else_branch").G is not { } step) return false;
        if (!Add(builder, step.Node)) return false;
        builder.Alias(node.Output[0], builder.Find(step.Output[0].Name)!);
        return true;
    }
}
