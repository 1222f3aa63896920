using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>
/// Where a parameter lies in the flat buffers, in elements; that of set i of a block's parameters, which are as many as its
/// layers if those share none, at Offset + i · Stride.
/// </summary>
public sealed record ParameterSlot(Parameter Parameter, string Block, int Sets, long Offset, long Stride);

/// <summary>
/// The layout of the flat buffers of parameters, gradients and optimizer state: first the matrices, which decay, then the
/// vectors, which do not; set by set within a block.
/// </summary>
public sealed record ParameterLayout(EquatableArray<ParameterSlot> Slots, long MatrixElements, long Elements)
{
    /// <summary>Elements; 64 bytes in half precision, so that views start where vector loads like it in either precision.</summary>
    private const long Alignment = 32;

    /// <summary>Number of trained values, without padding.</summary>
    public long Count => Slots.Sum(s => s.Parameter.Type.Elements * s.Sets);

    /// <summary>Bytes of the values in the types in which the program reads them, without padding.</summary>
    public long Bytes => Slots.Sum(s => s.Parameter.Type.Bytes * s.Sets);

    /// <param name="frozen">Whether of the frozen parameters rather than of the trained ones.</param>
    public static ParameterLayout Of(Graph graph, bool frozen = false)
    {
        var groups = new List<(string Block, int Sets, IEnumerable<Parameter> Parameters)> { ("", 1, graph.Main.Parameters) };
        foreach (var block in graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")))
            groups.Add((block, graph.Sets(block), graph.Block(block).Parameters));

        var slots = new List<ParameterSlot>();
        long end = 0, matrices = 0;
        foreach (var isMatrix in new[] { true, false })
        {
            foreach (var (block, sets, all) in groups)
            {
                var parameters = all.Where(p => p.IsMatrix == isMatrix && p.Frozen == frozen).ToList();
                var stride = parameters.Sum(p => Align(p.Type.Elements));
                var offset = end;
                foreach (var parameter in parameters)
                {
                    slots.Add(new(parameter, block, sets, offset, block.Length == 0 ? 0 : stride));
                    offset += Align(parameter.Type.Elements);
                }
                end += stride * sets;
            }
            if (isMatrix) matrices = end;
        }
        return new(slots.ToEquatableArray(), matrices, end);
    }

    private static long Align(long elements) => (elements + Alignment - 1) / Alignment * Alignment;
}
