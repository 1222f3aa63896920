using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Values behind each other, row by row or column by column.</summary>
internal static class Join
{
    public static bool Add(StepBuilder builder, NodeProto node)
    {
        StepValue[] parts = [.. node.Input.Select(builder.Find).OfType<StepValue>()];
        var axis = node.Int("axis");
        if (parts.Length < node.Input.Count || parts.Any(part => part.Shape.Length != parts[0].Shape.Length)) return false;
        if (Views.IsFirst(axis, parts[0])) AddRows(builder, node.Output[0], parts);
        else if (Views.IsLast(axis, parts[0]) && parts.All(part => part.Shape[0] == parts[0].Shape[0])) AddColumns(builder, node.Output[0], parts);
        else return false;
        return true;
    }

    private static void AddRows(StepBuilder builder, string output, StepValue[] parts)
    {
        var y = builder.Add(output, [parts.Sum(part => part.Shape[0]), .. parts[0].Shape.Skip(1)]).Offset;
        foreach (var part in parts)
        {
            builder.Ops.Add(new Columns(part.Offset, part.Count, y, part.Count, part.Count, rows: 1));
            y += part.Count;
        }
    }

    private static void AddColumns(StepBuilder builder, string output, StepValue[] parts)
    {
        var (rows, all) = (parts[0].Shape[0], parts.Sum(part => part.Width));
        var y = builder.Add(output, rows, all).Offset;
        foreach (var part in parts)
        {
            builder.Ops.Add(new Columns(part.Offset, part.Width, y, all, part.Width, rows));
            y += part.Width;
        }
    }
}
