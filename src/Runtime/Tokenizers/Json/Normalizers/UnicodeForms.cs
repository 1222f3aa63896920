using System.Text;
using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Tokenizers.Json.Normalizers;

/// <summary>Unicode's normalization forms, which .NET has from ICU: without it, it would give texts back as they are.</summary>
internal static class UnicodeForms
{
    /// <summary>Whether this process has them: not in the invariant globalization mode.</summary>
    public static bool Exist { get; } = "e\u0301".Normalize(NormalizationForm.FormC) == "\u00E9";

    /// <exception cref="DataException">The process has no normalization and the text is not ASCII.</exception>
    public static string Normalize(string text, NormalizationForm form) => Exist ? text.Normalize(form)
        : Ascii.IsValid(text) ? text
        : throw new DataException(
            "This tokenizer normalizes Unicode, which .NET cannot do in its invariant globalization mode. Set <InvariantGlobalization>false</InvariantGlobalization> "
            + "in the project, and not DOTNET_SYSTEM_GLOBALIZATION_INVARIANT.");
}
