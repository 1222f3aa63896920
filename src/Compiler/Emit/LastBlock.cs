using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Emit;

/// <summary>The last repeated block of main, where what follows it reads nothing from before: that is then wanted of some rows only.</summary>
/// <param name="Repeat">Its node.</param>
/// <param name="Tail">The nodes after it.</param>
internal sealed record LastBlock(Node Repeat, IReadOnlyList<Node> Tail)
{
    /// <summary>Null where there is no repeated block, or what follows it reads values from before.</summary>
    public static LastBlock? Of(Function main)
    {
        var nodes = main.Nodes.ToList();
        var last = nodes.FindLastIndex(n => n.Op == "repeat");
        if (last < 0) return null;
        var tail = nodes.Skip(last + 1).ToList();
        var known = new HashSet<string>(
            tail.SelectMany(n => n.Outputs).Select(o => o.Name).Concat(main.Parameters.Select(p => p.Name)).Append(nodes[last].Outputs[0].Name));
        return tail.SelectMany(n => n.Uses).All(known.Contains) ? new(nodes[last], tail) : null;
    }
}
