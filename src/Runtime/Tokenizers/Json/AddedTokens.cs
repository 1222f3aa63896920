using System.Buffers;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json;

/// <summary>A token that is found in a text before all else.</summary>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special)
{
    public static AddedToken Read(StrictObject section)
    {
        var token = new AddedToken(
            section.Int("id"), section.Text("content"), section.Flag("single_word", false), section.Flag("lstrip", false), section.Flag("rstrip", false),
            section.Flag("normalized", true), section.Flag("special", false));
        section.Finish();
        return token.Id >= 0 && token.Content.Length > 0 ? token : throw section.Refused("content", "an added token has characters, and an id from 0 on");
    }
}

/// <summary>Finds added tokens in a text: the leftmost, and of those that begin there the longest.</summary>
internal sealed class AddedTokens
{
    private readonly ILookup<char, (string Text, AddedToken Token)> _byFirst;
    private readonly SearchValues<char> _first;

    /// <param name="tokens">The tokens.</param>
    /// <param name="normalize">What is done to them before, as to the text.</param>
    public AddedTokens(IEnumerable<AddedToken> tokens, Func<string, string> normalize)
    {
        _byFirst = tokens.Select(token => (Text: normalize(token.Content), Token: token))
            .Where(token => token.Text.Length > 0)
            .OrderByDescending(token => token.Text.Length)
            .ToLookup(token => token.Text[0]);
        _first = SearchValues.Create([.. _byFirst.Select(group => group.Key)]);
    }

    /// <summary>The parts of a text: tokens, and text between them.</summary>
    public IEnumerable<(string Text, AddedToken? Token, bool Starts)> Split(string text)
    {
        var done = 0;
        for (var place = 0; place < text.Length;)
        {
            var next = text.AsSpan(place).IndexOfAny(_first);
            if (next < 0)
                break;
            place += next;
            var found = _byFirst[text[place]].FirstOrDefault(token => string.CompareOrdinal(text, place, token.Text, 0, token.Text.Length) == 0);
            if (found.Token is not { } match)
            {
                place++;
                continue;
            }

            var (start, end) = (place, place + found.Text.Length);
            place = end;
            if (match.SingleWord && ((start > 0 && IsWord(text[start - 1])) || (end < text.Length && IsWord(text[end]))))
                continue;
            while (match.LeftStrip && start > done && char.IsWhiteSpace(text[start - 1]))
                start--;
            while (match.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            if (start > done)
                yield return (text[done..start], null, done == 0);
            yield return (text[start..end], match, done == 0);
            place = Math.Max(place, end);
            done = end;
        }

        if (done < text.Length)
            yield return (text[done..], null, done == 0);
    }

    private static bool IsWord(char c) => c == '_' || char.IsLetterOrDigit(c) || char.IsSurrogate(c);
}
