using System.Text.RegularExpressions;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>GPT-2's pattern that cuts text into words before merging (Radford et al. 2019): no token spans two words.</summary>
internal static partial class Words
{
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    public static partial Regex Pattern();
}
