using System.Globalization;
using TorchSharp;

namespace ModelCompiler.Runtime.Inference;

/// <summary>The token ids of a chunk on their way to the device, and its logits on their way back.</summary>
public sealed class TokenBuffer : IDisposable
{
    private readonly long[] _ids;

    /// <param name="rows">Tokens in a chunk.</param>
    /// <param name="device">Where the model lies.</param>
    public TokenBuffer(int rows, torch.Device device)
    {
        _ids = new long[rows];
        Ids = torch.zeros([1, rows], torch.int64, device).DetachFromDisposeScope();
    }

    /// <summary>int64 [1, rows].</summary>
    public torch.Tensor Ids { get; }

    /// <summary>Copies the ids of a whole chunk.</summary>
    public void Write(ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < _ids.Length; i++) _ids[i] = tokens[i];
        using var staged = torch.tensor(_ids, [1, _ids.Length], torch.int64);
        Ids.copy_(staged);
    }

    /// <summary>Copies logits [1, V] into an array of V.</summary>
    public static void Read(torch.Tensor logits, float[] into)
    {
        using var staged = logits.to(torch.float32, torch.CPU);
        staged.data<float>().CopyTo(into);
    }

    /// <summary>Refuses tokens that do not fit the cache or the vocabulary.</summary>
    /// <exception cref="ArgumentException">With the number that does not fit.</exception>
    public static void Check(ReadOnlySpan<int> tokens, int position, int context, int vocabulary)
    {
        if (tokens.Length == 0) throw new ArgumentException("At least one token is needed.", nameof(tokens));
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

    public void Dispose() => Ids.Dispose();
}
