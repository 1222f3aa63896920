using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Generators.Methods;

/// <summary>A method that is marked with <c>[Difficulty]</c>, <c>[Pacing]</c> or <c>[Tasks]</c>.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Class">The class that it is in, with its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Fits">Whether generated code can call it.</param>
/// <param name="Path">Its file.</param>
/// <param name="Span">Its name in the file.</param>
public sealed record MarkedMethod(UserMethodKind Kind, string Class, string Name, bool Fits, string Path, SourceSpan Span)
{
    /// <summary>What it has to look like.</summary>
    public string Signature => Kind switch
    {
        UserMethodKind.Difficulty => $"static double {Name}(string text)",
        UserMethodKind.Pacing => $"static double {Name}(double progress)",
        _ => $"static ITaskSource {Name}(ITextTokenizer tokenizer)",
    };
}
