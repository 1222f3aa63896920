using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data;

internal static class TestTokens
{
    /// <summary>The bytes of a text and the zero byte that ends it.</summary>
    public static TokenCache Of(TemporaryFolder folder, string text)
    {
        var corpus = Corpus.Open(folder.Write($"{Guid.NewGuid()}.txt", text), validation: 0);
        return TokenCache.Open(corpus.Training, new ByteTokenizer(), folder["cache"]);
    }
}
