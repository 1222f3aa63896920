using System.Globalization;

namespace ModelCompiler.Benchmarks;

/// <summary>The options of a benchmark: a name, and its value behind it.</summary>
internal static class Arguments
{
    public static string Option(this string[] args, string name, string otherwise)
    {
        var index = Array.IndexOf(args, name);
        return index >= 0 && index + 1 < args.Length ? args[index + 1] : otherwise;
    }

    public static int Option(this string[] args, string name, int otherwise) =>
        int.Parse(args.Option(name, otherwise.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
}
