using System.Text;
using System.Text.Json;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>What all tokenizers have in common.</summary>
public static class TextTokenizer
{
    internal const string ConfigFile = "tokenizer_config.json";

    /// <summary>Whether a tokenizer was saved into a folder.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, ConfigFile));

    /// <summary>Loads the tokenizer that was saved into a folder.</summary>
    /// <exception cref="DataException">The folder holds none, or a damaged one.</exception>
    public static ITextTokenizer Load(string folder)
    {
        var path = Path.Combine(folder, ConfigFile);
        string? kind = null;
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(path));
            kind = config.RootElement.GetProperty("tokenizer_class").GetString();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new DataException($"The tokenizer cannot be loaded from '{path}' ({e.Message}). Train or copy it again.", e);
        }

        return kind switch
        {
            ByteTokenizer.ClassName => new ByteTokenizer(),
            _ when File.Exists(Path.Combine(folder, JsonTokenizer.FileName)) => JsonTokenizer.Load(Path.Combine(folder, JsonTokenizer.FileName)),
            BytePairTokenizer.ClassName => BytePairTokenizer.Load(folder),
            _ => throw new DataException($"'{path}' names the unknown tokenizer '{kind}'."),
        };
    }

    /// <summary>The tokens of a text.</summary>
    public static List<int> Encode(this ITextTokenizer tokenizer, string text)
    {
        var tokens = new List<int>();
        tokenizer.Encode(text, tokens);
        return tokens;
    }

    /// <summary>The text of tokens; bytes that are no valid UTF-8 become U+FFFD.</summary>
    public static string Decode(this ITextTokenizer tokenizer, ReadOnlySpan<int> tokens)
    {
        var bytes = new List<byte>(tokens.Length * 4);
        foreach (var token in tokens)
            bytes.AddRange(tokenizer.Bytes(token));
        return Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes));
    }

    /// <summary>The file by which Hugging Face's libraries, and <see cref="Load"/>, know which tokenizer a folder holds.</summary>
    internal static void SaveConfig(string folder, string className, string endOfText, SpecialTokens? special = null) =>
        AtomicFile.WriteText(
            Path.Combine(folder, ConfigFile),
            $$"""
            {
              "tokenizer_class": "{{className}}",
              "add_prefix_space": false,
              "bos_token": {{Quoted(endOfText)}},
              "eos_token": {{Quoted(endOfText)}},
              "unk_token": {{Quoted(endOfText)}}{{string.Concat(special?.Named.Select(token => $",\n  \"{token.Key}\": {Quoted(token.Text)}") ?? [])}}
            }

            """.ReplaceLineEndings("\n"));

    /// <summary>Text that UTF-8 can say: lone surrogates become U+FFFD.</summary>
    internal static string Valid(string text) =>
        text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;

    private static string Quoted(string text) => JsonSerializer.Serialize(text, TokenizerJson.Options);
}
