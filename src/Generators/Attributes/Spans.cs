using Microsoft.CodeAnalysis;
using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Generators.Attributes;

internal static class Spans
{
    public static SourceSpan Of(Location location)
    {
        var (start, end) = (location.GetLineSpan().StartLinePosition, location.GetLineSpan().EndLinePosition);
        return new SourceSpan(start.Line, start.Character, end.Line, end.Character);
    }
}
