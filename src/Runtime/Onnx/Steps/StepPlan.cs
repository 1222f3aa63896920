using Google.Protobuf;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>
/// An exported graph for single tokens, in kernels of our own on one thread. Where rounded weights lie in a processor's caches, a token takes
/// ONNX Runtime longer to hand from operator to operator than to compute; here the next node is a call. Prompts stay with ONNX Runtime, which
/// reads and writes the same key-value caches. Weights are copied into the layout of the kernels, so that a token reads each once, in order.
/// </summary>
internal sealed class StepPlan : IDisposable
{
    private readonly StepWeights _weights;

    private StepPlan(StepWeights weights, StepBuilder builder)
    {
        (_weights, Ops, Size, Caches) = (weights, [.. builder.Ops], builder.Size, [.. builder.Caches]);
        Logits = builder.Find(OnnxGraph.Logits)!.Offset;
    }

    /// <summary>Whether its weights are gone.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>In the order in which they run.</summary>
    public IStepOp[] Ops { get; }

    /// <summary>Floats of a token's values.</summary>
    public int Size { get; }

    /// <summary>Where the logits [V] are among the values.</summary>
    public int Logits { get; }

    /// <summary>The inputs that are caches, in the order in which ops number them.</summary>
    public IReadOnlyList<string> Caches { get; }

    /// <summary>
    /// Most bytes of weights of a model whose single tokens the kernels run: of more, and of weights in fp32, which the memory bounds, the
    /// threads of ONNX Runtime read together faster (benchmarks -- steps).
    /// </summary>
    /// <param name="quantization">As the export says it.</param>
    public static long MostBytes(string quantization) => quantization == OnnxExport.Fp32 ? 0 : 8 << 20;

    /// <summary>The plan of an exported model; null if it is too large for that, or has a node that no kernel here computes.</summary>
    /// <param name="folder">Its files, which are whole.</param>
    /// <param name="most">Bytes of weights.</param>
    public static StepPlan? Of(string folder, long most)
    {
        var data = new FileInfo(OnnxFolder.DataPath(folder));
        if (data.Length > most || !StepKernels.AreSupported) return null;
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(OnnxFolder.GraphPath(folder))).Graph;
        var weights = new StepWeights();
        try
        {
            var builder = new StepBuilder(graph, File.ReadAllBytes(data.FullName), weights);
            if (StepKernels.Add(builder, graph.Node) && builder.Find(OnnxGraph.Logits) is not null) return new StepPlan(weights, builder);
            weights.Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException or ArgumentException or IndexOutOfRangeException)
        {
            weights.Dispose();
            throw new OnnxException($"The graph in '{folder}' is damaged: {e.Message} Export the model again.", e);
        }
    }

    public void Dispose()
    {
        IsDisposed = true;
        _weights.Dispose();
    }
}
