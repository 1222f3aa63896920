namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>Finds the tokens of a word. Thread-safe.</summary>
internal interface IPieceModel
{
    /// <summary>Token ids by their text.</summary>
    IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Appends the tokens of a piece that is not empty.</summary>
    void Encode(string piece, List<int> into);
}
