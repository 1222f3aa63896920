using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers.Json.Models;
using ModelCompiler.Runtime.Tokenizers.Json.Normalizers;
using ModelCompiler.Runtime.Tokenizers.Json.PreTokenizers;

namespace ModelCompiler.Runtime.Tokenizers.Json;

/// <summary>
/// The tokenizer of a <c>tokenizer.json</c>, as Hugging Face's library tokenizers runs it: added tokens are found, the text between
/// them is normalized, cut into words and encoded by the model. Normalizers may change the text, so that decoding does not always
/// give it back; over bytes it does. Added tokens written out in a text become those tokens, as there.
/// </summary>
public sealed class JsonTokenizer : ITextTokenizer
{
    public const string FileName = "tokenizer.json";

    /// <summary>The tokens that end a document where tokenizer_config.json does not say which, in this order.</summary>
    private static readonly string[] s_endsOfText = ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[SEP]"];

    private readonly byte[] _json;
    private readonly AddedTokens _raw;
    private readonly AddedTokens _normalized;
    private readonly Func<string, string> _normalize;
    private readonly Func<Piece, IEnumerable<Piece>> _cut;
    private readonly IPieceModel _model;
    private readonly PostProcessor _processor;
    private readonly byte[][] _bytes;
    private readonly string[] _texts;

    private JsonTokenizer(byte[] json, string path, string? endOfText)
    {
        _json = json;
        var root = new StrictObject(StrictObject.Parse(json), path, message => new DataException(message + " This tokenizer cannot be used."));
        root.Ignore("version", "truncation", "padding");
        AddedToken[] added = [.. root.Sections("added_tokens").Select(AddedToken.Read)];
        _normalize = NormalizerTable.Read(root.Section("normalizer"));
        _cut = PreTokenizerTable.Read(root.Section("pre_tokenizer"));
        _model = ModelTable.Read(
            root.Section("model") ?? throw root.Refused("model", "a model belongs there"), PreTokenizerTable.IsByteLevel(root.Section("pre_tokenizer")));
        _processor = PostProcessor.Read(root.Section("post_processor"));
        var write = TokenTexts.Read(root.Section("decoder"));
        root.Finish();

        _raw = new AddedTokens(added.Where(token => !token.Normalized), text => text);
        _normalized = new AddedTokens(added.Where(token => token.Normalized), _normalize);
        _texts = Texts(added);
        _bytes = [.. _texts.Select(write)];
        foreach (var token in added)
            _bytes[token.Id] = token.Special ? [] : Encoding.UTF8.GetBytes(token.Content);
        EndOfText = FindEndOfText(path, endOfText);
        _bytes[EndOfText] = [0];
        StartOfText = _processor.Single.TakeWhile(part => part.Token is not null).Select(part => part.Token).FirstOrDefault() ?? EndOfText;
        if (StartOfText >= _bytes.Length)
            throw new DataException($"'{path}' puts token {StartOfText} before a text, which it does not have. Download it again.");
        Hash = Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes($"{EndOfText}\n"), .. json]));
    }

    public int Vocabulary => _bytes.Length;

    public int EndOfText { get; }

    public int StartOfText { get; }

    public string Hash { get; }

    /// <summary>Loads a tokenizer.json, and which token ends a document from the tokenizer_config.json beside it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">It is missing, damaged, or asks for what is not supported, which is named.</exception>
    public static JsonTokenizer Load(string path)
    {
        try
        {
            var config = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, TextTokenizer.ConfigFile);
            return new JsonTokenizer(File.ReadAllBytes(path), path, File.Exists(config) ? ReadEndOfText(config) : null);
        }
        catch (Exception e) when (e is (IOException and not DataException) or UnauthorizedAccessException or JsonException)
        {
            throw new DataException($"The tokenizer '{path}' cannot be read ({e.Message}). Copy or download it again.", e);
        }
    }

    public void Encode(string text, List<int> into)
    {
        text = TextTokenizer.Valid(text);
        foreach (var (part, token, starts) in _raw.Split(text))
        {
            if (token is not null)
                into.Add(token.Id);
            else
                EncodeNormalized(_normalize(part), starts, into);
        }
    }

    /// <summary>The tokens of a text or of a pair of texts with those that the model expects around them, such as [CLS] and [SEP].</summary>
    /// <param name="text">The text.</param>
    /// <param name="second">The second of a pair.</param>
    public List<int> EncodeWithSpecialTokens(string text, string? second = null)
    {
        var tokens = new List<int>();
        foreach (var part in second is null ? _processor.Single : _processor.Pair)
        {
            if (part.Token is { } token)
                tokens.Add(token);
            else
                Encode(part.Second ? second! : text, tokens);
        }

        return tokens;
    }

    /// <summary>A token as tokenizer.json writes it; empty for an id without one.</summary>
    public string TokenText(int token) => _texts[token];

    /// <summary>The id of a token as tokenizer.json writes it; null if there is none.</summary>
    public int? IdOf(string token) => Array.IndexOf(_texts, token) is >= 0 and var id ? id : null;

    public ReadOnlySpan<byte> Bytes(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, _bytes.Length);
        return _bytes[token];
    }

    public void Save(string folder)
    {
        AtomicFile.Write(Path.Combine(folder, FileName), stream => stream.Write(_json), _json.Length);
        TextTokenizer.SaveConfig(folder, "PreTrainedTokenizerFast", _texts[EndOfText]);
    }

    public void Export(string folder, SpecialTokens? special = null) => Save(folder);

    private void EncodeNormalized(string text, bool starts, List<int> into)
    {
        foreach (var (part, token, first) in _normalized.Split(text))
        {
            if (token is not null)
            {
                into.Add(token.Id);
                continue;
            }

            foreach (var piece in _cut(new Piece(part, starts && first)))
            {
                if (piece.Text.Length > 0)
                    _model.Encode(piece.Text, into);
            }
        }
    }

    private string[] Texts(AddedToken[] added)
    {
        const int Most = 1 << 24;
        var last = _model.Vocabulary.Values.Concat(added.Select(token => token.Id)).DefaultIfEmpty(-1).Max();
        if (last is < 0 or >= Most)
            throw new DataException($"The tokenizer's ids go up to {last}, where those of a vocabulary of 1 to {Most} tokens belong.");
        var texts = new string[last + 1];
        Array.Fill(texts, "");
        foreach (var (token, id) in _model.Vocabulary)
            texts[id] = token;
        foreach (var token in added)
            texts[token.Id] = token.Content;
        return texts;
    }

    private int FindEndOfText(string path, string? given)
    {
        foreach (var token in given is null ? s_endsOfText : [given])
        {
            if (IdOf(token) is { } id)
                return id;
        }

        throw new DataException(given is null
            ? $"'{path}' has none of the tokens {string.Join(' ', s_endsOfText)} that end a document; name it as \"eos_token\" in {TextTokenizer.ConfigFile} beside it."
            : $"'{path}' lacks the token '{given}', which {TextTokenizer.ConfigFile} names as the end of a document.");
    }

    private static string? ReadEndOfText(string path)
    {
        var config = StrictObject.Parse(File.ReadAllBytes(path));
        if (config.ValueKind != JsonValueKind.Object || !config.TryGetProperty("eos_token", out var token))
            return null;
        if (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content))
            token = content;
        return token.ValueKind == JsonValueKind.String ? token.GetString() : null;
    }
}
