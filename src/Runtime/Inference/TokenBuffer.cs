using System.Globalization;
using ModelCompiler.Runtime.Implementations;
using TorchSharp;

namespace ModelCompiler.Runtime.Inference;

/// <summary>The token ids of a chunk on their way to the device, and its logits on their way back.</summary>
public sealed class TokenBuffer : IDisposable
{
    private readonly long[] _ids;
    private readonly SequenceParts? _parts;

    /// <param name="rows">Tokens in a chunk.</param>
    /// <param name="device">Where the model lies.</param>
    /// <param name="parts">Tells the parts of a sequence, in a model with token types.</param>
    public TokenBuffer(int rows, torch.Device device, SequenceParts? parts = null)
    {
        (_ids, _parts) = (new long[rows], parts);
        Ids = torch.zeros([1, rows], torch.int64, device).DetachFromDisposeScope();
        Types = parts is null ? null! : torch.zeros([1, rows], torch.int64, device).DetachFromDisposeScope();
    }

    /// <summary>int64 [1, rows].</summary>
    public torch.Tensor Ids { get; }

    /// <summary>int64 [1, rows]: the part of the sequence that each token is in; only of a model with token types.</summary>
    public torch.Tensor Types { get; }

    /// <summary>Copies the ids of a whole chunk.</summary>
    public void Write(ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < _ids.Length; i++) _ids[i] = tokens[i];
        Copy(_ids, Ids);
        if (_parts is null) return;
        var types = new long[_ids.Length];
        _parts.Write(_ids, types);
        Copy(types, Types);
    }

    private static unsafe void Copy(long[] values, torch.Tensor into)
    {
        if (Cpu.Takes(into))
        {
            values.CopyTo(new Span<long>(Cpu.Pointer(into), values.Length));
            return;
        }

        using var staged = torch.tensor(values, [1, values.Length], torch.int64);
        into.copy_(staged);
    }

    /// <summary>Copies the last values of a tensor.</summary>
    public static unsafe void Read(torch.Tensor values, Span<float> into)
    {
        var before = values.numel() - into.Length;
        if (Cpu.Takes(values) && values.dtype == torch.ScalarType.Float32)
        {
            new ReadOnlySpan<float>(Cpu.Floats(values) + before, into.Length).CopyTo(into);
            return;
        }

        using var staged = values.to(torch.float32, torch.CPU);
        new ReadOnlySpan<float>(Cpu.Floats(staged) + before, into.Length).CopyTo(into);
    }

    /// <summary>Copies values into an array that is made anew where their number has changed.</summary>
    public static ReadOnlySpan<float> Read(torch.Tensor values, ref float[] into)
    {
        if (into.Length != values.numel()) into = new float[values.numel()];
        Read(values, into);
        return into;
    }

    /// <summary>Tokens of data as programs take them.</summary>
    internal static int[] Narrow(ReadOnlySpan<long> tokens)
    {
        var narrow = new int[tokens.Length];
        for (var i = 0; i < narrow.Length; i++) narrow[i] = int.CreateChecked(tokens[i]);
        return narrow;
    }

    /// <summary>Refuses tokens that do not fit the cache or the vocabulary, and logits of more rows than there are or than an array holds.</summary>
    /// <exception cref="ArgumentException">With the number that does not fit.</exception>
    public static void Check(ReadOnlySpan<int> tokens, int rows, int position, int context, int vocabulary)
    {
        if (tokens.Length == 0) throw new ArgumentException("At least one token is needed.", nameof(tokens));
        if (rows < 1 || rows > tokens.Length)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Logits of {rows} rows are wanted of {tokens.Length} tokens."), nameof(rows));
        if ((long)rows * vocabulary > Array.MaxLength)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"The logits of {rows} rows over a vocabulary of {vocabulary} do not fit an array: ask for those of fewer rows at a time."),
                nameof(rows));
        if (tokens.Length > context - position)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"{tokens.Length} tokens after {position} exceed the context of {context}: Reset() first, or pass fewer."),
                nameof(tokens));
        foreach (var token in tokens)
            if ((uint)token >= (uint)vocabulary)
                throw new ArgumentException(
                    string.Create(CultureInfo.InvariantCulture, $"Token {token} is not in the vocabulary of {vocabulary}: was the text encoded with another tokenizer?"),
                    nameof(tokens));
    }

    public void Dispose()
    {
        Ids.Dispose();
        Types?.Dispose();
    }
}
