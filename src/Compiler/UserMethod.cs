namespace ModelCompiler.Compiler;

/// <summary>A static method of the model's class, in the user's part of it, that generated code calls.</summary>
/// <param name="Kind">What it is marked as.</param>
/// <param name="Name">Its name.</param>
public sealed record UserMethod(UserMethodKind Kind, string Name);

/// <summary>What a method can be marked as.</summary>
public enum UserMethodKind
{
    /// <summary><c>[Difficulty] static double Name(string text)</c></summary>
    Difficulty,

    /// <summary><c>[Pacing] static double Name(double progress)</c></summary>
    Pacing,

    /// <summary><c>[Tasks] static ITaskSource Name(ITextTokenizer tokenizer)</c></summary>
    Tasks,
}
