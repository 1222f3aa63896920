namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>Text of a document: the whole of it, or one of several consecutive pieces of a long one.</summary>
/// <param name="Text">The text; never empty.</param>
/// <param name="EndsDocument">Whether the document ends here.</param>
public readonly record struct TextPiece(string Text, bool EndsDocument);
