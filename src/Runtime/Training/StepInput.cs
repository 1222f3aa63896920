using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>The batch of a training step on its device, in tensors that are made once, and what is read back from it.</summary>
public sealed unsafe class StepInput : IDisposable
{
    private readonly int _batch;
    private readonly int _sequence;
    private readonly SequenceParts? _parts;
    private readonly long? _padding;
    private readonly (int Read, int Predicted) _numbers;
    private readonly float[] _read, _wanted;
    private readonly long[] _row, _labels, _lengths;

    /// <param name="batch">Sequences, B.</param>
    /// <param name="sequence">Tokens in each, T.</param>
    /// <param name="device">Where the step runs.</param>
    /// <param name="weighted">Whether sequences have weights.</param>
    /// <param name="labeled">Whether sequences have a class: the target of their first token.</param>
    /// <param name="parts">Tells the parts of a sequence, in a model with token types.</param>
    /// <param name="padding">The token behind shorter sequences; null if all have T tokens.</param>
    /// <param name="numbers">Numbers that are read and predicted at each position, in a model of numbers.</param>
    public StepInput(
        int batch, int sequence, Device device, bool weighted = false, bool labeled = false, SequenceParts? parts = null, long? padding = null,
        (int Read, int Predicted) numbers = default)
    {
        var rows = batch * sequence;
        (_numbers, _read, _wanted) = (numbers, new float[rows * numbers.Read], new float[rows * numbers.Predicted]);
        Tensor Reals(int width) => zeros([rows, width], ScalarType.Float32, device).DetachFromDisposeScope();
        (Numbers, Wanted) = numbers.Read > 0 ? (Reals(numbers.Read), Reals(numbers.Predicted)) : (null!, null!);
        (_batch, _sequence, _parts, _padding) = (batch, sequence, parts, padding);
        _row = new long[parts is null && !labeled ? 0 : batch * sequence];
        (_labels, _lengths, Counts) = (new long[labeled ? batch : 0], new long[batch], new int[batch]);
        Tensor Ids(params long[] shape) => zeros(shape, ScalarType.Int64, device).DetachFromDisposeScope();
        Tokens = Ids(batch, sequence);
        Targets = Ids(batch, sequence);
        Weights = weighted ? ones([batch], ScalarType.Float32, device).DetachFromDisposeScope() : null!;
        Labels = labeled ? Ids(batch) : null!;
        Types = parts is not null ? Ids(batch, sequence) : null!;
        Lengths = padding is not null ? Ids(batch) : null!;
    }

    /// <summary>int64 [B, T]</summary>
    public Tensor Tokens { get; }

    /// <summary>int64 [B, T]: what is to be predicted at each token; negative where nothing is.</summary>
    public Tensor Targets { get; }

    /// <summary>fp32 [B·T, read]; only of a model of numbers.</summary>
    public Tensor Numbers { get; }

    /// <summary>fp32 [B·T, predicted], NaN where nothing is to be predicted; only of a model of numbers.</summary>
    public Tensor Wanted { get; }

    /// <summary>int64 [B]: the class of each sequence; only of a model that has classes.</summary>
    public Tensor Labels { get; }

    /// <summary>int64 [B, T]: the part of its sequence that each token is in; only of a model with token types.</summary>
    public Tensor Types { get; }

    /// <summary>int64 [B]: tokens before the padding; only of a model whose sequences may be padded.</summary>
    public Tensor Lengths { get; }

    /// <summary>The same on the host.</summary>
    public int[] Counts { get; }

    /// <summary>fp32 [B]: what the loss of each sequence counts; only of a model that trains on a subset of its data.</summary>
    public Tensor Weights { get; }

    /// <summary>Copies a batch to the device.</summary>
    /// <param name="tokens">[B, T], row-major.</param>
    /// <param name="targets">[B, T]</param>
    /// <param name="weights">[B], or empty for ones.</param>
    /// <exception cref="ArgumentException">A length does not fit, or the model takes no weights.</exception>
    public void Load(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default)
    {
        if (_numbers.Read > 0)
        {
            LoadNumbers(tokens, _numbers.Read, _read, Numbers);
            LoadNumbers(targets, _numbers.Predicted, _wanted, Wanted);
            return;
        }

        if (tokens.Length != _batch * _sequence || targets.Length != tokens.Length)
        {
            throw new ArgumentException(
                $"A batch of {tokens.Length} tokens and {targets.Length} targets does not fit a step of {_batch} × {_sequence}. Give as many as the program's batch times one of its Lengths.");
        }

        Write(tokens, Tokens);
        if (Labels is null) Write(targets, Targets);
        else LoadLabels(targets);
        LoadSequences(tokens);
        if (Weights is not null)
        {
            if (weights.IsEmpty) Weights.fill_(1);
            else if (weights.Length == _batch) Write(weights, Weights);
            else throw new ArgumentException($"{weights.Length} weights do not fit {_batch} sequences.", nameof(weights));
        }
        else if (!weights.IsEmpty)
        {
            throw new ArgumentException("The model takes no weights: its declaration has no 'subset: infobatch'.", nameof(weights));
        }
    }

    /// <summary>Numbers are given as the bits of doubles, in rows as wide as the wider of what is read and what is predicted.</summary>
    private void LoadNumbers(ReadOnlySpan<long> bits, int width, float[] values, Tensor into)
    {
        var stride = Math.Max(_numbers.Read, _numbers.Predicted);
        if (bits.Length != _batch * _sequence * stride)
            throw new ArgumentException($"A batch of {bits.Length} numbers does not fit a step of {_batch} × {_sequence} × {stride}.");
        for (var i = 0; i < values.Length; i++) values[i] = (float)BitConverter.Int64BitsToDouble(bits[(i / width * stride) + (i % width)]);
        Write<float>(values, into);
    }

    /// <summary>The target of a sequence's first token is its class; no token is predicted there.</summary>
    private void LoadLabels(ReadOnlySpan<long> targets)
    {
        targets.CopyTo(_row);
        for (var b = 0; b < _batch; b++)
        {
            _labels[b] = targets[b * _sequence];
            _row[b * _sequence] = Masking.Ignored;
        }

        Write<long>(_labels, Labels);
        Write<long>(_row, Targets);
    }

    private void LoadSequences(ReadOnlySpan<long> tokens)
    {
        if (_parts is { } parts)
        {
            for (var b = 0; b < _batch; b++) parts.Write(tokens.Slice(b * _sequence, _sequence), _row.AsSpan(b * _sequence, _sequence));
            Write<long>(_row, Types);
        }

        if (_padding is not { } padding) return;
        for (var b = 0; b < _batch; b++)
        {
            Counts[b] = Math.Max(1, tokens.Slice(b * _sequence, _sequence).TrimEnd(padding).Length);
            _lengths[b] = Counts[b];
        }

        Write<long>(_lengths, Lengths);
    }

    /// <summary>The value of an fp32 tensor of one element.</summary>
    public static double Read(Tensor value)
    {
        if (Cpu.Takes(value)) return *Cpu.Floats(value);
        float single;
        Read(value, new Span<float>(&single, 1));
        return single;
    }

    /// <summary>Copies fp32 values to the host, where they are asked for.</summary>
    /// <param name="values">As many elements as <paramref name="into"/>.</param>
    /// <param name="into">May be empty: then nothing is read.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Read(Tensor values, Span<float> into)
    {
        if (into.IsEmpty) return;
        if (into.Length != values.numel()) throw new ArgumentException($"{values.numel()} values do not fit a span of {into.Length}.", nameof(into));
        using var host = Cpu.Takes(values) ? null : values.cpu();
        new ReadOnlySpan<float>(Cpu.Floats(host ?? values), into.Length).CopyTo(into);
    }

    public void Dispose()
    {
        Tokens.Dispose();
        Targets.Dispose();
        Weights?.Dispose();
        Labels?.Dispose();
        Types?.Dispose();
        Lengths?.Dispose();
        Numbers?.Dispose();
        Wanted?.Dispose();
    }

    /// <summary>Copies values to a tensor of as many elements.</summary>
    internal static void Write<T>(ReadOnlySpan<T> values, Tensor into)
        where T : unmanaged
    {
        using var staging = Cpu.Takes(into) ? null : empty(into.shape, into.dtype);
        values.CopyTo(new Span<T>(Cpu.Pointer(staging ?? into), values.Length));
        if (staging is not null) into.copy_(staging);
    }
}
