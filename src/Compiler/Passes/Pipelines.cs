using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The passes in their order.</summary>
public static class Pipelines
{
    /// <summary>What follows the choice of checkpoints, and tells how many bytes it needs.</summary>
    public static readonly IReadOnlyList<Pass> Placement = [new Fuse(), new HalveMlp(), new PlanMemory()];

    public static readonly IReadOnlyList<Pass> Training =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new PlacePrecision(),
        new PlaceFp8(),
        new ApplyPruningMasks(),
        new AdaptLayers(),
        new InsertFakeQuantization(),
        new FoldBiases(),
        new ChunkLoss(),
        new Differentiate(),
        new DistillLogits(),
        new DistillLayers(),
        new DropTokens(),
        new ChooseCheckpoints(),
        .. Placement,
    ];

    /// <summary>The product of the loss's Hessian with a direction, for meta-learning of second order: over ops that have tangents.</summary>
    public static readonly IReadOnlyList<Pass> Hessian =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new Differentiate(),
        new Linearize(),
        new PlanMemory(),
    ];

    public static readonly IReadOnlyList<Pass> Inference =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new PlacePrecision(),
        new AdaptLayers(),
        new FoldBiases(),
        new StripTraining(),
        new AbsorbKeys(),
        new Fuse(),
    ];

    /// <summary>For a teacher, whose forward pass is a part of its student's step.</summary>
    public static readonly IReadOnlyList<Pass> Teacher =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new PlacePrecision(),
        new FoldBiases(),
        new StripTraining(),
        new Fuse(),
    ];

    /// <summary>For the forward pass by which samples are judged, where its precision is another one than training's.</summary>
    public static readonly IReadOnlyList<Pass> Scoring =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new PlacePrecision(),
        new FoldBiases(),
        new StripTraining(keepsLoss: true),
        new ChunkLoss(),
        new Fuse(),
    ];

    /// <summary>For the ONNX graph, whose runtime fuses and places precision itself.</summary>
    public static readonly IReadOnlyList<Pass> Export =
    [
        new InferShapes(),
        new ShareParameters(),
        new PackProjections(),
        new AdaptLayers(),
        new StripTraining(),
        new Fuse(),
        new CheckQuantization(),
    ];

    /// <summary>Runs the passes in order, the verifier after each.</summary>
    public static Graph Run(IEnumerable<Pass> passes, Graph graph, ModelSpec spec)
    {
        foreach (var pass in passes)
        {
            graph = pass.Run(graph, spec);
            GraphVerifier.Verify(graph, pass.Name);
        }
        return graph;
    }
}
