using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Ops;

/// <summary>All ops by name.</summary>
public static class OpTable
{
    private static readonly Gelu Gelu = new();
    private static readonly GeluTanh GeluTanh = new();
    private static readonly Silu Silu = new();
    private static readonly ReluSquared ReluSquared = new();
    private static readonly Relu Relu = new();
    private static readonly Tanh Tanh = new();

    public static readonly IReadOnlyList<Op> All =
    [
        new Embedding(), new EmbeddingGrad(),
        new AddPosition(), new AddPositionGrad(),
        new Add(),
        new Multiply(), new MultiplyGrad(),
        new Linear(), new LinearGradInput(), new LinearGradWeight(),
        new LinearFp8(), new LinearFp8GradInput(), new LinearFp8GradWeight(),
        new AddBias(), new BiasGrad(),
        new Scale(), new AddProduct(), new AddProductGrad(),
        new LayerNorm(), new LayerNormGrad(),
        new RmsNorm(), new RmsNormGrad(),
        new NormTangent(), new NormGradTangent(),
        Gelu, new PointwiseGrad(Gelu, "GeluGrad"), new PointwiseCurvature(Gelu, "GeluCurvature"),
        GeluTanh, new PointwiseGrad(GeluTanh, "GeluTanhGrad"), new PointwiseCurvature(GeluTanh, "GeluTanhCurvature"),
        Silu, new PointwiseGrad(Silu, "SiluGrad"), new PointwiseCurvature(Silu, "SiluCurvature"),
        ReluSquared, new PointwiseGrad(ReluSquared, "ReluSquaredGrad"), new PointwiseCurvature(ReluSquared, "ReluSquaredCurvature"),
        Relu, new PointwiseGrad(Relu, "ReluGrad"),
        Tanh, new PointwiseGrad(Tanh, "TanhGrad"), new PointwiseCurvature(Tanh, "TanhCurvature"),
        new Swiglu(), new SwigluGrad(), new SwigluTangent(), new SwigluGradTangent(),
        new Softcap(), new SoftcapGrad(),
        new Rope(),
        new QkNorm(), new QkNormGrad(),
        new Attention(), new AttentionGrad(), new AttentionTangent(), new AttentionGradTangent(),
        new LatentHeads(), new LatentHeadsGrad(), new HeadColumns(), new LatentAttention(),
        new Recall(), new RelativeKeys(), new RelativeKeysGrad(), new RelativeAttention(), new RelativeAttentionGrad(),
        new Router(), new RouterGrad(),
        new Route(), new RouteGrad(),
        new Dispatch(), new DispatchGrad(),
        new ExpertLinear(), new ExpertLinearGradInput(), new ExpertLinearGradWeight(),
        new Combine(), new CombineGrad(),
        new Pool(), new PoolGrad(),
        new Dropout(), new DropoutGrad(),
        new CrossEntropy(), new CrossEntropyGrad(), new CrossEntropyGradTangent(), new ErrorNorm(),
        new SquaredError(), new SquaredErrorGrad(), new SquaredErrorGradTangent(),
        new LinearCrossEntropy(), new LinearCrossEntropyGrad(), new LinearDistillationGrad(), new CachedDistillationGrad(), new HiddenLossGrad(), new RelationLossGrad(),
        new Convolution(), new ConvolutionGrad(),
        new Concat(), new Slice(),
        new Cast(),
        new DrawTokens(), new GatherTokens(), new ScatterTokens(),
    ];

    private static readonly Dictionary<string, Op> ByName = All.ToDictionary(op => op.Name);

    public static Op Find(string name) => ByName.TryGetValue(name, out var op) ? op : throw new GraphException($"unknown op '{name}'");

    /// <summary>Whether the node applies a block, forward or backward, rather than an op.</summary>
    public static bool IsRepeat(Node node) => node.Op is "repeat" or "repeat_backward";

    /// <summary>The output types of a node; a repeated block gives what its function returns.</summary>
    public static IReadOnlyList<TensorType> InferTypes(Graph graph, Node node, IReadOnlyList<TensorType?> inputs)
    {
        if (!IsRepeat(node)) return Find(node.Op).Infer(new Inputs(node, inputs));
        var block = node.Attributes.String("block");
        var function = graph.Block(node.Op == "repeat" ? block : FunctionNames.Backward(block));
        var types = function.Types();
        if (!types[function.Outputs[0]].SameShape(inputs[0]!) || types[function.Outputs[0]].DType != inputs[0]!.DType)
            throw new GraphException($"block '{function.Name}' turns {inputs[0]} into {types[function.Outputs[0]]}: a repeated block must keep the type");
        return [inputs[0]!];
    }
}
