using System.Text;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Inference;

/// <summary>Makes text of tokens as they come: characters when they are whole, and nothing that stops the generation.</summary>
internal sealed class TextReceiver(ITextTokenizer tokenizer, IReadOnlyList<string> stops, Action<string>? receive)
{
    private readonly TokenDecoder _decoder = new(tokenizer);
    private readonly StopMatcher _stops = new(stops);
    private readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    /// <returns>Whether to go on.</returns>
    public bool Receive(int token)
    {
        Give(_stops.Append(_decoder.Append(token)));
        return !_stops.Found;
    }

    /// <summary>Gives what was held back.</summary>
    public void Finish()
    {
        if (_stops.Found) return;
        Give(_stops.Append(_decoder.Flush()));
        if (!_stops.Found) Give(_stops.Flush());
    }

    private void Give(string piece)
    {
        if (piece.Length == 0) return;
        _text.Append(piece);
        receive?.Invoke(piece);
    }
}
