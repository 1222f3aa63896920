using Microsoft.ML.Tokenizers;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>Byte-level byte-pair encoding as in GPT-2, encoded by Microsoft.ML.Tokenizers.</summary>
public sealed class BytePairTokenizer : ITextTokenizer
{
    internal const string ClassName = "GPT2Tokenizer";

    private readonly BytePairModel _model;
    private readonly BpeTokenizer _encoder;
    private readonly byte[][] _bytes;

    public BytePairTokenizer(BytePairModel model)
    {
        _model = model;
        _bytes = [.. model.Tokens.Select(token => token == BytePairModel.EndOfText ? [0] : ByteAlphabet.ToBytes(token)!)];
        EndOfText = model.Tokens.ToList().IndexOf(BytePairModel.EndOfText);
        Hash = model.Hash();
        _encoder = BpeTokenizer.Create(new BpeOptions(model.Tokens.Select((token, id) => KeyValuePair.Create(token, id)))
        {
            Merges = model.Merges.Select(merge => $"{merge.Left} {merge.Right}"),
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(Words.Pattern(), specialTokens: null),
        });
    }

    public int Vocabulary => _bytes.Length;

    public int EndOfText { get; }

    public string Hash { get; }

    /// <exception cref="Data.DataException">A file is missing or damaged.</exception>
    public static BytePairTokenizer Load(string folder) => new(BytePairModel.Load(folder));

    public void Encode(string text, List<int> into) => into.AddRange(_encoder.EncodeToIds(TextTokenizer.Valid(text)));

    public ReadOnlySpan<byte> Bytes(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, _bytes.Length);
        return _bytes[token];
    }

    public void Save(string folder)
    {
        _model.Save(folder);
        TextTokenizer.SaveConfig(folder, ClassName, BytePairModel.EndOfText);
    }

    public void Export(string folder, SpecialTokens? special = null) =>
        TokenizerJson.Write(folder, _model.Tokens, _model.Merges, BytePairModel.EndOfText, special);
}
