using CsCheck;

namespace ModelCompiler.Runtime.Tests.Tokenizers;

internal static class SampleText
{
    public const string English =
        "The quick brown fox jumps over the lazy dog. The dog's reply, in 1984: \"I'll think it over\" — and they've never\n"
        + "spoken since.\n\n    indented code();  // aaaa aaaaaaa aa aaa\r\n\tdéjà vu, naïve Größe, Ελληνικά, русский, 日本語テキスト, 👍👍🏽👩‍👩‍👧 ok\n"
        + "the thing, then there, these; other, another, bother the brother. ======== -------- !!!! ?? 00 000 0000\n";

    /// <summary>Any UTF-16, lone surrogates and control characters among it, mixed with pieces of real text.</summary>
    public static Gen<string> Any { get; } = Gen.OneOf(
            Gen.String[0, 20],
            Gen.Char['\0', ' '].Array[0, 8].Select(characters => new string(characters)),
            Gen.Char['\uD700', '\uE0FF'].Array[0, 6].Select(characters => new string(characters)),
            Gen.Int[0x1F300, 0x1FAFF].Select(char.ConvertFromUtf32),
            Gen.OneOf([.. new[] { "<|endoftext|>", "\0", "  ", "\n\n", "'s", "'", "\u0120the", "\uFFFD", "\uFEFF" }.Select(Gen.Const)]),
            Gen.Select(Gen.Int[0, English.Length - 1], Gen.Int[1, 40], (start, length) => English.Substring(start, Math.Min(length, English.Length - start))))
        .Array[0, 6].Select(string.Concat);

    /// <summary>What UTF-8 makes of a text: lone surrogates become U+FFFD.</summary>
    public static string Valid(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
