using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data;

/// <summary>Tokenizers that were trained before, by the text and the size of the vocabulary.</summary>
internal static class TokenizerCache
{
    /// <summary>Changes when the trainer gives other tokens for the same text.</summary>
    private const int Version = 1;

    /// <summary>Holds the tokenizer's hash; written last, so a folder without it is not complete.</summary>
    private const string HashFile = "sha256";

    public static ITextTokenizer Open(
        TextSplit training, int vocabulary, string folder, Action<string>? report, CancellationToken cancellation)
    {
        var key = SHA256.HashData(Encoding.UTF8.GetBytes($"{Version} {training.Fingerprint} {vocabulary}"));
        var path = Path.Combine(folder, Convert.ToHexStringLower(key)[..32]);
        if (TryLoad(path) is { } cached)
            return cached;

        report?.Invoke($"training a tokenizer of {vocabulary} tokens");
        var tokenizer = new BytePairTokenizer(
            BytePairTrainer.Train(training.Read().Select(piece => piece.Text), vocabulary, cancellation));
        try
        {
            tokenizer.Save(path);
            AtomicFile.WriteText(Path.Combine(path, HashFile), tokenizer.Hash);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                $"The tokenizer cannot be written to '{path}' ({e.Message}). Choose another folder with the environment variable {CacheFolder.Variable}.", e);
        }

        return tokenizer;
    }

    private static ITextTokenizer? TryLoad(string path)
    {
        try
        {
            var hash = Path.Combine(path, HashFile);
            if (!File.Exists(hash))
                return null;
            var tokenizer = BytePairTokenizer.Load(path);
            return tokenizer.Hash == File.ReadAllText(hash) ? tokenizer : null;
        }
        catch (DataException)
        {
            return null; // damaged: train again
        }
    }
}
