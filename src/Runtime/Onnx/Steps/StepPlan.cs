using Google.Protobuf;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>
/// An exported graph for single tokens, in kernels of our own. ONNX Runtime takes longer to hand a small model's token from operator to operator than to compute
/// it, and reads the weights of a large one with less than the memory's bandwidth; here the next node is a call, and threads share a node's weights
/// in parts that they read in order. Prompts stay with ONNX Runtime, which reads and writes the same key-value caches. Weights of few bits are copied into
/// the order in which the kernels read them; those in fp32 are read where the file is mapped.
/// </summary>
internal sealed class StepPlan : IDisposable
{
    /// <summary>Bytes of weights that lie in one core's cache: a token is done before other threads have been told of it.</summary>
    private const long OfOneThread = 4 << 20;

    private readonly StepWeights _weights;
    private readonly StepTeam? _team;
    private readonly Lock _lock = new();
    private readonly IStepOp[] _ops;
    private readonly int _headFrom;
    private bool _isDisposed;

    private StepPlan(StepWeights weights, StepBuilder builder, StepTeam? team)
    {
        (_weights, _team, _ops, _headFrom) = (weights, team, [.. builder.Ops], builder.HeadFrom);
        (Size, Caches, Logits) = (builder.Size, [.. builder.Caches], builder.Find(OnnxGraph.Logits)!.Offset);
    }

    /// <summary>Floats of a token's values.</summary>
    public int Size { get; }

    /// <summary>Where the logits [V] are among the values.</summary>
    public int Logits { get; }

    /// <summary>The inputs that are caches, in the order in which ops number them.</summary>
    public IReadOnlyList<string> Caches { get; }

    /// <summary>The plan of an exported model; null if it has a node that no kernel here computes.</summary>
    /// <param name="folder">Its files, which are whole.</param>
    /// <param name="options">How many threads there are, and whether they spin.</param>
    public static StepPlan? Of(string folder, OnnxOptions options) => Of(
        folder, new FileInfo(OnnxFolder.DataPath(folder)).Length <= OfOneThread ? 1 : options.Threads > 0 ? options.Threads : Environment.ProcessorCount, options.Spin);

    /// <param name="folder">Its files, which are whole.</param>
    /// <param name="threads">That share an op.</param>
    /// <param name="spins">Whether they spin between tokens.</param>
    internal static StepPlan? Of(string folder, int threads, bool spins)
    {
        if (!StepKernels.AreSupported) return null;
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(OnnxFolder.GraphPath(folder))).Graph;
        var weights = new StepWeights(OnnxFolder.DataPath(folder));
        try
        {
            var builder = new StepBuilder(graph, weights, together: threads > 1);
            if (StepKernels.Add(builder, graph.Node) && builder.Find(OnnxGraph.Logits) is not null)
                return new StepPlan(weights, builder, threads > 1 ? new StepTeam(threads, spins) : null);
            weights.Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException or ArgumentException or IndexOutOfRangeException)
        {
            weights.Dispose();
            throw new OnnxException($"The graph in '{folder}' is damaged: {e.Message} Export the model again.", e);
        }
    }

    /// <summary>Runs its ops over tokens: with all threads, or, while these are another program's, on the caller's alone.</summary>
    /// <param name="tokens">Of a program.</param>
    /// <param name="wanted">The last of them, whose logits are wanted.</param>
    public void Run(StepTokens tokens, int wanted)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(OnnxModel));
        if (_team is null || !_lock.TryEnter())
        {
            StepTeam.RunAlone(_ops, _headFrom, tokens, wanted);
            return;
        }

        try
        {
            _team.Run(_ops, _headFrom, tokens, wanted);
        }
        finally
        {
            _lock.Exit();
        }
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _team?.Dispose();
        _weights.Dispose();
    }
}
