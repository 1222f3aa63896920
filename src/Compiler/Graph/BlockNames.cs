using System.Globalization;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>
/// Names of the functions of repeated blocks. One function computes all layers of a block and has its name, <c>blocks</c>, unless some
/// of them compute otherwise than the rest: then each run of equal layers has a function, as <c>blocks.3</c> and <c>blocks.4-to-7</c>.
/// Parameters are named by their layers either way.
/// </summary>
public static class BlockNames
{
    private const string To = "-to-";

    /// <summary>The function of a run of a block's layers.</summary>
    public static string Part(string block, int first, int count) =>
        count == 1 ? Layer(block, first) : Layer(block, first) + To + Text(first + count - 1);

    /// <summary>The block.</summary>
    public static string Whole(string function) => function.Split('.')[0];

    /// <summary>The number in the block of the function's first layer.</summary>
    public static int First(string function) => IsPart(function) ? Numbers(function)[0] : 0;

    /// <summary>What stands for the function's layers: <c>blocks.*</c>, <c>blocks.3</c>, <c>blocks.4-to-7</c>.</summary>
    public static string Layers(string function) => IsPart(function) ? function : function + ".*";

    /// <summary>The names of its layers by which a pattern may speak of it: <c>blocks.4</c> to <c>blocks.7</c>, or <c>blocks.*</c> for all of a block.</summary>
    public static IEnumerable<string> EachLayer(string function)
    {
        if (!IsPart(function)) return [function + ".*"];
        var numbers = Numbers(function);
        return Enumerable.Range(0, numbers[numbers.Length - 1] - numbers[0] + 1).Select(i => Layer(function, i));
    }

    /// <summary>The name of its layer i.</summary>
    public static string Layer(string function, int i) => Whole(function) + "." + Text(First(function) + i);

    /// <summary>The first layer of a part, and the last if that is another.</summary>
    private static int[] Numbers(string part) =>
        [.. part.Split('.')[1].Split([To], StringSplitOptions.None).Select(text => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture))];

    private static bool IsPart(string function) => function.IndexOf('.') > 0;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
