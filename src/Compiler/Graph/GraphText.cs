using System.Text;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>The printable form of a graph: what passes are tested with and what one reads when debugging.</summary>
public static class GraphText
{
    public static string Print(Graph graph)
    {
        var text = new StringBuilder();
        text.Append("graph ").Append(graph.Name).Append('(')
            .Append(string.Join(", ", graph.Dims.Select(d => $"{d.Symbol} = {d.Value}"))).Append(")\n");
        foreach (var function in graph.Blocks.Append(graph.Main))
        {
            text.Append('\n');
            Print(function, text);
        }
        foreach (var segments in graph.Segments)
            text.Append('\n').Append("segments ").Append(segments.Block).Append(' ')
                .Append(string.Join(" ", segments.Starts)).Append('\n');
        foreach (var pruned in graph.Pruned)
            text.Append('\n').Append("pruned ").Append(pruned.Block.Length == 0 ? pruned.Part : $"{pruned.Block}.{pruned.First}+{pruned.Count}.{pruned.Part}").Append('\n');
        return text.ToString();
    }

    public static string Print(Function function)
    {
        var text = new StringBuilder();
        Print(function, text);
        return text.ToString();
    }

    private static void Print(Function function, StringBuilder text)
    {
        text.Append("function ").Append(function.Name).Append('(').Append(string.Join(", ", function.Inputs.Select(Print))).Append(")\n");
        foreach (var p in function.Parameters)
        {
            text.Append("  parameter ").Append(p.Name).Append(": ").Append(p.Type);
            text.Append(" = ").Append(string.Join(" + ", p.Parts.Select(part => $"{part.Name}[{part.Rows.Value}] {Print(part.Init)}")));
            if (p.SharedWith is { } shared) text.Append(" shares ").Append(shared);
            if (p.Frozen) text.Append(" frozen");
            if (p.Quantized is { } layer) text.Append(" quantized as ").Append(layer);
            text.Append('\n');
        }
        foreach (var saved in function.Saved) text.Append("  saved ").Append(Print(saved)).Append('\n');
        foreach (var node in function.Nodes)
        {
            text.Append("  ").Append(string.Join(", ", node.Outputs.Select(Print))).Append(" = ").Append(node.Op).Append('(')
                .Append(string.Join(", ", node.Inputs.Select(i => i.Length == 0 ? "_" : i))).Append(')')
                .Append(node.Attributes).Append('\n');
        }
        foreach (var loop in function.Halves)
            text.Append("  halves ").Append(function.Nodes[loop.First].Outputs[0].Name).Append(" to ").Append(function.Nodes[loop.Last].Outputs[0].Name)
                .Append(", inner ").Append(string.Join(", ", loop.Inner)).Append(", sliced ").Append(string.Join(", ", loop.Sliced)).Append('\n');
        foreach (var gradient in function.Gradients)
            text.Append("  gradient ").Append(gradient.Parameter).Append(" = ").Append(gradient.Value).Append('\n');
        text.Append("  return ").Append(string.Join(", ", function.Outputs)).Append('\n');
    }

    private static string Print(Value value) => value.Type is null ? value.Name : value.Name + ": " + value.Type;

    private static string Print(Init init) => init.Kind == InitKind.Normal
        ? "normal(" + init.Deviation.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture) + ")"
        : init.Kind.ToString().ToLowerInvariant();
}
