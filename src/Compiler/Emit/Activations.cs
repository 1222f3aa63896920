using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>How activations are viewed: dimensions B and T flattened into rows, N = B·T.</summary>
internal static class Activations
{
    /// <summary>The C# shape of a view, its row count spelled by the caller.</summary>
    /// <param name="half">Whether it has half of the rows.</param>
    public static string Shape(TensorType type, string rows, bool half = false)
    {
        var dims = type.Shape;
        if (dims.Count < 2 || dims[0].Symbol != "B" || dims[1].Symbol is not ("T" or "K" or "M"))
            return "[" + string.Join(", ", dims.Select(d => d.Symbol is "B" or "T" or "K" or "M + T" ? Symbolic(d, rows) : Number(d.Value))) + "]";
        var all = (dims[1].Symbol == "T" ? rows : "B * " + dims[1].Symbol) + (half ? " / 2" : "");
        // Rows of choices, [B, T, k, C], are a matrix too.
        if (dims.Count == 4) return $"[{all} * {Number(dims[2].Value)}, {Number(dims[3].Value)}]";
        return "[" + string.Join(", ", dims.Skip(2).Select(d => Number(d.Value)).Prepend(all)) + "]";
    }

    /// <summary>In training as they are called; in inference the batch is one sequence of n rows.</summary>
    private static string Symbolic(Dim dim, string rows) => rows is "N" or "B * T" ? dim.Symbol : dim.Symbol == "B" ? "1" : rows;

    /// <summary>Whether the shape depends on the memory of earlier segments.</summary>
    public static bool HasMemory(TensorType type) => type.Shape.Any(d => d.Symbol is "M" or "M + T");

    public static string Comment(TensorType type) => $"// {type}";
}
