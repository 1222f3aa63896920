using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>A layer of a model that has a memory: in a repeated block, one for each repetition.</summary>
/// <param name="Name">Its name, with its block's.</param>
/// <param name="Layers">How often its block is repeated.</param>
/// <param name="Width">Width of its input, C.</param>
/// <param name="Type">Element type of its input.</param>
/// <param name="SameLength">Whether each query sees M positions, itself among them, and no more.</param>
public readonly record struct MemorySite(string Name, int Layers, int Width, ScalarType Type, bool SameLength);

/// <summary>
/// The memory of Transformer-XL (Dai et al. 2019): what layers had as input at the M positions before a segment, for each row
/// of a batch, carried from batch to batch and without gradient. A pass reads what was there when it began, however often a
/// part of it is computed again, and what it leaves takes its place afterwards. Validation has a memory of its own. A row sees
/// nothing of before its document, which begins with a token of its own or the one that closes the document before.
/// </summary>
public sealed class SegmentMemory : ICheckpointPart, IDisposable
{
    private readonly int _batch;
    private readonly MemorySite[] _sites;
    private readonly MemoryRows[] _training;
    private readonly MemoryRows _evaluation;
    private readonly SegmentView _view;
    private MemoryRows _rows;
    private long _next;

    /// <param name="device">Where the model lies.</param>
    /// <param name="batch">Rows of a micro-batch, B.</param>
    /// <param name="micro">Micro-batches of a step, each with rows of its own.</param>
    /// <param name="positions">M in training.</param>
    /// <param name="evaluation">M in validation.</param>
    /// <param name="sites">The layers that have a memory.</param>
    public SegmentMemory(Device device, int batch, int micro, int positions, int evaluation, MemorySite[] sites)
    {
        (_batch, _sites) = (batch, sites);
        _training = [.. Enumerable.Range(0, micro).Select(_ => new MemoryRows(device, batch, positions, sites))];
        _evaluation = new MemoryRows(device, batch, evaluation, sites);
        _view = new SegmentView(device);
        _rows = _training[0];
    }

    /// <summary>The token before a document, as tokenizers say it; −1 if there is none.</summary>
    public int StartOfText { get; set; } = -1;

    public string Name => "memory";

    /// <summary>Before a micro-batch of training.</summary>
    /// <param name="micro">Its number in the step.</param>
    /// <param name="tokens">[B, T]</param>
    public void Begin(int micro, ReadOnlySpan<long> tokens) => Begin(_training[micro], tokens);

    /// <summary>Before a batch of validation.</summary>
    /// <param name="tokens">[B, T]</param>
    public void BeginEvaluation(ReadOnlySpan<long> tokens) => Begin(_evaluation, tokens);

    /// <summary>What a layer remembers, and what its queries may see of it; x is kept for the next segment.</summary>
    /// <param name="site">Its place among the sites.</param>
    /// <param name="layer">The repetition of its block.</param>
    /// <param name="x">[B·T, C]</param>
    /// <param name="y">[B·M, C]</param>
    /// <param name="visible">int64 [B·T]</param>
    public void Recall(int site, int layer, Tensor x, Tensor y, Tensor visible)
    {
        _rows.Recall(site, layer, x, _view.Sequence, y);
        _view.Write(_sites[site].SameLength, visible);
    }

    /// <summary>After a pass: what it has left becomes the memory.</summary>
    public void Advance() => _rows.Advance(_view);

    /// <summary>Forgets what training has left.</summary>
    public void Clear()
    {
        foreach (var rows in _training) rows.Clear();
    }

    /// <summary>Forgets what validation has left.</summary>
    public void ClearEvaluation() => _evaluation.Clear();

    /// <summary>Tells which of a run's batches comes next. If it does not follow the last one, its rows go on elsewhere: the memory is forgotten.</summary>
    public void MoveTo(long position)
    {
        if (position != _next) Clear();
        _next = position + 1;
    }

    public void Describe(CheckpointTable table)
    {
        for (var micro = 0; micro < _training.Length; micro++)
        {
            var prefix = _training.Length > 1 ? FormattableString.Invariant($"{micro}.") : "";
            _training[micro].Describe(table, prefix, _sites);
        }

        table.Value("next", () => _next, next => _next = next);
    }

    public void Dispose()
    {
        foreach (var rows in _training.Append(_evaluation)) rows.Dispose();
        _view.Dispose();
    }

    private void Begin(MemoryRows rows, ReadOnlySpan<long> tokens)
    {
        _rows = rows;
        _view.Begin(tokens, _batch, StartOfText, rows.Positions, rows.History);
    }
}

/// <summary>The memory of some rows: for each layer what it is now, and what it will be after the pass.</summary>
internal sealed class MemoryRows : IDisposable
{
    private readonly (Tensor Now, Tensor Next)[][] _states; // by site and layer, [B, M, C]

    public MemoryRows(Device device, int batch, int positions, MemorySite[] sites)
    {
        (Positions, History) = (positions, new int[batch]);
        Tensor New(MemorySite site) => zeros([batch, positions, site.Width], site.Type, device).DetachFromDisposeScope();
        _states = [.. sites.Select(site => Enumerable.Range(0, site.Layers).Select(_ => (New(site), New(site))).ToArray())];
    }

    /// <summary>M</summary>
    public int Positions { get; }

    /// <summary>[B]: how many tokens of its document each row has had.</summary>
    public int[] History { get; }

    public void Recall(int site, int layer, Tensor x, int sequence, Tensor y)
    {
        var (now, next) = _states[site][layer];
        long batch = History.Length, width = x.size(1), kept = Math.Max(0, Positions - sequence), fresh = Positions - kept;
        Copy(now, [batch * Positions, width], [width, 1], 0, y, [width, 1], 0);
        long[] into = [Positions * width, width, 1];
        if (kept > 0) Copy(now, [batch, kept, width], into, fresh * width, next, into, 0);
        Copy(x, [batch, fresh, width], [sequence * width, width, 1], (sequence - fresh) * width, next, into, kept * width);
    }

    public void Advance(SegmentView view)
    {
        foreach (var layers in _states)
            for (var layer = 0; layer < layers.Length; layer++) layers[layer] = (layers[layer].Next, layers[layer].Now);
        view.Pass(History);
    }

    public void Clear()
    {
        Array.Clear(History);
        // Not only unseen: what is not finite would spread through products with zeros.
        foreach (var (now, _) in _states.SelectMany(layers => layers)) now.zero_();
    }

    public void Describe(CheckpointTable table, string prefix, MemorySite[] sites)
    {
        for (var site = 0; site < sites.Length; site++)
            for (var layer = 0; layer < sites[site].Layers; layer++)
                table.Tensor(FormattableString.Invariant($"{prefix}{sites[site].Name}.{layer}"), _states[site][layer].Now);
        table.Array($"{prefix}history", History);
    }

    public void Dispose()
    {
        foreach (var (now, next) in _states.SelectMany(layers => layers))
        {
            now.Dispose();
            next.Dispose();
        }
    }

    private static unsafe void Copy(
        Tensor from, ReadOnlySpan<long> shape, ReadOnlySpan<long> fromStrides, long fromOffset, Tensor into, ReadOnlySpan<long> intoStrides, long intoOffset)
    {
        using var source = NativeTensor.View(from, shape, fromStrides, fromOffset);
        using var destination = NativeTensor.View(into, shape, intoStrides, intoOffset);
        if (LibTorch.Copy(destination.Handle, source.Handle, 0) != 0)
            throw new NativeException($"libtorch refused to copy {NativeTensor.Describe(source.Handle)}; its reason is on stderr.");
    }
}
