using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Nodes that give what is there already: of one token, a reshape moves nothing, and rows lie behind each other.</summary>
internal static class Views
{
    /// <summary>Batch and sequence, which a token's values have not.</summary>
    private const int Left = 2;

    public static bool Identity(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x) return false;
        builder.Alias(node.Output[0], x);
        return true;
    }

    public static bool Reshape(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x || builder.Constant(node.Input[1]) is not { } constant) return false;
        var shape = builder.Elements<long>(constant);
        if (shape.Length <= Left) return false;
        var view = x with { Shape = [.. shape[Left..].ToArray().Select(dimension => (int)dimension)] };
        if (view.Shape.Any(dimension => dimension <= 0) || view.Count != x.Count) return false;
        builder.Alias(node.Output[0], view);
        return true;
    }

    public static bool Split(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x || builder.Constant(node.Input[1]) is not { } constant) return false;
        var start = 0;
        foreach (var (output, width) in node.Output.Zip(builder.Elements<long>(constant).ToArray()))
        {
            if (!AddPart(builder, output, x, node.Int("axis"), start, (int)width)) return false;
            start += (int)width;
        }

        return true;
    }

    public static bool Slice(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x || node.Input.Count != 4) return false;
        long[] bounds = [.. node.Input.Skip(1).Select(builder.Constant).OfType<TensorProto>().Select(tensor => builder.Elements<long>(tensor)[0])];
        return bounds is [>= 0 and var start, var end, var axis] && AddPart(builder, node.Output[0], x, axis, (int)start, (int)(end - start));
    }

    /// <summary>One more dimension, in front of those that a token's values have.</summary>
    public static bool Unsqueeze(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x || builder.Constant(node.Input[1]) is not { } axes || builder.Elements<long>(axes) is not [Left]) return false;
        builder.Alias(node.Output[0], x with { Shape = [1, .. x.Shape] });
        return true;
    }

    /// <summary>A constant that is turned.</summary>
    public static bool Constant(StepBuilder builder, NodeProto node)
    {
        if (builder.Constant(node.Input[0]) is null || node.Attribute.Count > 0) return false;
        builder.Turn(node.Output[0], node.Input[0]);
        return true;
    }

    /// <summary>Whether an axis is the first that a token's values have.</summary>
    public static bool IsFirst(long axis, StepValue x) => axis == Left || (axis == -1 && x.Shape.Length == 1);

    /// <summary>Whether an axis is the last of two that a token's values have.</summary>
    public static bool IsLast(long axis, StepValue x) => x.Shape.Length == 2 && axis is -1 or Left + 1;

    /// <summary>A part of a value: rows of it are there already, columns are copied.</summary>
    private static bool AddPart(StepBuilder builder, string output, StepValue x, long axis, int start, int width)
    {
        if (IsFirst(axis, x) && start + width <= x.Shape[0])
        {
            builder.Alias(output, new(x.Offset + (start * (x.Count / x.Shape[0])), [width, .. x.Shape.Skip(1)]));
            return true;
        }

        if (!IsLast(axis, x) || start + width > x.Width) return false;
        builder.Ops.Add(new Columns(x.Offset + start, x.Width, builder.Add(output, x.Shape[0], width).Offset, width, width, x.Shape[0]));
        return true;
    }
}
