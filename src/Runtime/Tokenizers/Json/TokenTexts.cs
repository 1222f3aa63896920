using System.Text;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers.Json.Models;

namespace ModelCompiler.Runtime.Tokenizers.Json;

/// <summary>The bytes of each token when text is written with it: what the decoders of tokenizer.json do to single tokens.</summary>
internal static class TokenTexts
{
    /// <summary>The function that a section describes; the characters of the token where there is none.</summary>
    public static Func<string, byte[]> Read(StrictObject? section)
    {
        if (section is null)
            return Encoding.UTF8.GetBytes;
        var (bytes, steps) = Steps(section);
        return token => bytes(token) ?? Encoding.UTF8.GetBytes(steps(token));
    }

    private static (Func<string, byte[]?> Bytes, Func<string, string> Text) Steps(StrictObject section)
    {
        (Func<string, byte[]?>, Func<string, string>) steps = (_ => null, token => token);
        switch (section.Text("type"))
        {
            case "Sequence":
                foreach (var step in section.Sections("decoders").Select(Steps))
                {
                    var (before, next) = (steps, step);
                    steps = (token => before.Item1(token) ?? next.Bytes(before.Item2(token)), token => next.Text(before.Item2(token)));
                }

                break;
            case "ByteLevel":
                section.Ignore("add_prefix_space", "trim_offsets", "use_regex");
                steps = (ByteAlphabet.ToBytes, token => token);
                break;
            case "ByteFallback":
                steps = (token => ByteTokens.Value(token) is { } value ? [value] : null, token => token);
                break;
            case "Metaspace":
                var mark = section.OptionalText("replacement") ?? "▁";
                section.Ignore("add_prefix_space", "prepend_scheme", "split", "str_rep");
                steps.Item2 = token => token.Replace(mark, " ", StringComparison.Ordinal);
                break;
            case "Replace":
                var (pattern, content) = (Patterns.Read(section, "pattern"), section.Text("content"));
                steps.Item2 = pattern.Literal is { Length: > 0 } literal
                    ? token => token.Replace(literal, content, StringComparison.Ordinal)
                    : token => pattern.Expression!.Replace(token, _ => content);
                break;
            case "WordPiece":
                var prefix = section.OptionalText("prefix") ?? "##";
                section.Ignore("cleanup");
                steps.Item2 = token => token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
                break;
            case "BPEDecoder":
                var suffix = section.OptionalText("suffix") ?? "</w>";
                steps.Item2 = token => token.Replace(suffix, " ", StringComparison.Ordinal);
                break;
            case "Fuse": // joins what is joined here in any case
                break;
            case "Strip": // of the whole text's start, which a stream has left behind
                section.Ignore("content", "start", "stop");
                break;
            default:
                throw section.Refused("type", "this decoder is not supported");
        }

        section.Finish();
        return steps;
    }
}
