using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Generators.Attributes;

/// <summary>Where a place in the text of a string literal stands in the C# file.</summary>
internal static class StringLiteral
{
    /// <summary>Maps spans of the string's value to spans of the file; to the whole expression where they cannot be told apart.</summary>
    public static Func<SourceSpan, SourceSpan> Places(ExpressionSyntax expression)
    {
        var whole = Spans.Of(expression.GetLocation());
        if (expression is not LiteralExpressionSyntax { Token: var token }) return _ => whole;

        var text = token.Text;
        var quotes = text.TakeWhile(letter => letter == '"').Count();
        return token.Kind() switch
        {
            // The value's lines follow the opening quotes and are indented like the closing ones.
            SyntaxKind.MultiLineRawStringLiteralToken => Shift(1, whole.EndColumn - quotes, whole.EndColumn - quotes),
            SyntaxKind.SingleLineRawStringLiteralToken => Shift(0, whole.StartColumn + quotes, 0),
            SyntaxKind.StringLiteralToken when text[0] == '@' => Shift(0, whole.StartColumn + 2, 0),
            SyntaxKind.StringLiteralToken when !text.Contains('\\') => Shift(0, whole.StartColumn + 1, 0),
            _ => _ => whole,
        };

        Func<SourceSpan, SourceSpan> Shift(int lines, int firstColumn, int column) => span => new SourceSpan(
            whole.StartLine + lines + span.StartLine,
            span.StartColumn + (span.StartLine == 0 ? firstColumn : column),
            whole.StartLine + lines + span.EndLine,
            span.EndColumn + (span.EndLine == 0 ? firstColumn : column));
    }
}
