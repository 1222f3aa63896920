using System.Text;

namespace ModelCompiler.ModelDsl;

public static class KebabCase
{
    /// <summary>A C# name as the language writes it: ReluSquared is relu-squared, Beta1 is beta1, Adamw_8bit is adamw-8bit.</summary>
    public static string Of(string name)
    {
        var text = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0) text.Append('-');
            text.Append(letter == '_' ? '-' : char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }
}
