using Google.Protobuf;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Onnx.Steps.Ops;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>
/// An exported graph for few tokens, in kernels of our own. ONNX Runtime takes longer to hand a small model's token from operator to operator than to compute
/// it, and reads the weights of a large one with less than the memory's bandwidth; here the next node is a call, and threads share a node's weights
/// in parts that they read in order. Prompts stay with ONNX Runtime, which reads and writes the same key-value caches. Weights of few bits are copied into
/// the order in which the kernels read them; those in fp32 are read where the file is mapped.
/// </summary>
internal sealed class StepPlan : IDisposable
{
    /// <summary>Bytes of an export whose tokens one thread has done before others have been told of them, and whose weights stay in its core's cache from token to token.</summary>
    private const long Small = 4 << 20;

    private readonly StepWeights _weights;
    private readonly StepTeam? _team;
    private readonly Lock _lock = new();
    private readonly IStepOp[] _ops;
    private readonly int _headFrom;
    private volatile bool _isDisposed;
    private int _running;

    /// <summary>Sequences up to which a step is faster than ONNX Runtime's, of large weights in bytes: its products of bytes take several rows at once.</summary>
    private const int FewSequences = 4;

    private StepPlan(StepWeights weights, StepBuilder builder, StepTeam? team, bool isSmall)
    {
        (_weights, _team, _ops, _headFrom) = (weights, team, [.. builder.Ops], builder.HeadFrom);
        (Size, Caches, Logits) = (builder.Size, [.. builder.Caches], builder.Find(OnnxGraph.Logits)!.Offset);
        var packed = _ops.OfType<PackedProduct>().Select(product => product.Weights).ToList();
        var areBytes = packed.Where(tiles => tiles.Bits == 8).Sum(tiles => tiles.Bytes) * 2 > packed.Sum(tiles => tiles.Bytes);
        MostSequences = areBytes && !isSmall ? FewSequences : StepTokens.Most;
    }

    /// <summary>Most sequences whose tokens it reads faster than ONNX Runtime does; tokens of one sequence it takes as long as a pass is.</summary>
    public int MostSequences { get; }

    /// <summary>Floats of a token's values.</summary>
    public int Size { get; }

    /// <summary>Where the logits [V] are among the values.</summary>
    public int Logits { get; }

    /// <summary>The inputs that are caches, in the order in which ops number them.</summary>
    public IReadOnlyList<string> Caches { get; }

    /// <summary>The plan of an exported model; null if it has a node that no kernel here computes, or if there is no memory for a copy of its weights.</summary>
    /// <param name="folder">Its files, which are whole.</param>
    /// <param name="options">How many threads there are, and whether they spin.</param>
    /// <exception cref="OnnxException">The graph is damaged.</exception>
    public static StepPlan? Of(string folder, OnnxOptions options)
    {
        var isSmall = new FileInfo(OnnxFolder.DataPath(folder)).Length <= Small;
        return Of(folder, divides: !isSmall, threads: isSmall ? 1 : options.Threads > 0 ? options.Threads : Environment.ProcessorCount, options.Spin);
    }

    /// <param name="folder">Its files, which are whole.</param>
    /// <param name="divides">Whether ops have parts: for threads to share, and for the tokens of a pass to find in a core's cache.</param>
    /// <param name="threads">That share an op.</param>
    /// <param name="spins">Whether they spin between tokens.</param>
    internal static StepPlan? Of(string folder, bool divides, int threads, bool spins)
    {
        if (!StepKernels.AreSupported) return null;
        StepWeights? weights = null;
        try
        {
            var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(OnnxFolder.GraphPath(folder))).Graph;
            weights = new StepWeights(OnnxFolder.DataPath(folder));
            var builder = new StepBuilder(graph, weights, divides);
            if (StepKernels.Add(builder, graph.Node) && builder.Find(OnnxGraph.Logits) is not null)
                return new StepPlan(weights, builder, threads > 1 ? new StepTeam(threads, spins) : null, isSmall: !divides);
            weights.Dispose();
            return null;
        }
        catch (OutOfMemoryException)
        {
            weights?.Dispose();
            return null;
        }
        catch (Exception e)
        {
            weights?.Dispose();
            var cause = (e as AggregateException)?.InnerException ?? e;
            if (cause is InvalidOperationException or FormatException or OverflowException or ArgumentException or IndexOutOfRangeException or DivideByZeroException)
                throw new OnnxException($"The graph in '{folder}' is damaged: {cause.Message} Export the model again.", e);
            throw;
        }
    }

    /// <summary>Runs its ops over tokens: with all threads, or, while these are another program's, on the caller's alone.</summary>
    /// <param name="tokens">Of a program.</param>
    /// <param name="wanted">The last of them, whose logits are wanted.</param>
    public void Run(StepTokens tokens, int wanted)
    {
        Interlocked.Increment(ref _running);
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(OnnxModel));
            RunNow(tokens, wanted);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>Waits for passes that run.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        Interlocked.MemoryBarrier();
        SpinWait.SpinUntil(() => Volatile.Read(ref _running) == 0);
        _team?.Dispose();
        _weights.Dispose();
    }

    private void RunNow(StepTokens tokens, int wanted)
    {
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
}
