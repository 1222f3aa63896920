using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    public OnnxValue Tanh(string name, OnnxValue x) => Node("Tanh", name, x.Width, x.Name);

    /// <summary>A vector for each sequence: the mean over its tokens, or that of the first.</summary>
    public OnnxValue Pool(string name, OnnxValue x, bool mean)
    {
        var scope = Inner(name);
        if (!mean)
            return x with { Name = Builder.Node("Gather", "", Scoped(name), [x.Name, scope.Scalar("first", 0)], OnnxBuilder.Attribute("axis", 1)) };

        NeedMask();
        var weights = scope.Op("Unsqueeze", "weights", scope.Op("Cast", "mask", OnnxBuilder.Attribute("to", (long)DataType.Float), Mask), scope.Ints("column", 2));
        string Sum(string what, string of) => scope.Op("ReduceSum", what, OnnxBuilder.Attribute("keepdims", 0), of, scope.Ints(what + ".axis", 1));
        var sum = Sum("sum", scope.Op("Mul", "tokens", x.Name, weights));
        return Node("Div", name, x.Width, sum, Sum("count", weights));
    }

    /// <summary>The last position of each sequence, int32 [batch], and the length of the longest, an int32.</summary>
    private (string Last, string Total) Lengths()
    {
        if (_shared.Lengths is { } known) return known;
        NeedMask();
        var (scope, toInt) = (new NodeScope(Builder, "lengths."), OnnxBuilder.Attribute("to", (long)DataType.Int32));
        var one = scope.Ints("one", 1);
        var counts = scope.Op("ReduceSum", "counts", OnnxBuilder.Attribute("keepdims", 0), Mask, one);
        var last = scope.Op("Cast", "last", toInt, scope.Op("Sub", "before", counts, one));
        var total = scope.Op("Cast", "total", toInt, Longest(scope["longest"]));
        _shared.Lengths = (last, total);
        return (last, total);
    }

    /// <summary>0, 1, ..: the positions of a whole sequence, [1, sequence].</summary>
    private string CountPositions()
    {
        var scope = new NodeScope(Builder, "positions.");
        var (zero, one) = (scope.Scalar("zero", 0), scope.Scalar("one", 1));
        var count = scope.Op("Range", "count", zero, Longest(scope["end"]), one);
        return Builder.Node("Unsqueeze", "", "positions", [count, scope.Ints("axis", 0)]);
    }

    /// <summary>The number of tokens of the longest sequence, an int64.</summary>
    private string Longest(string name)
    {
        var scope = new NodeScope(Builder, name + ".");
        var index = scope.Scalar("index", 1);
        return Builder.Node("Gather", "", name, [scope.Op("Shape", "shape", InputIds), index]);
    }

    private void NeedMask()
    {
        if (!_shared.HasMask) Builder.Input(Mask, DataType.Int64, "batch", "sequence");
        _shared.HasMask = true;
    }
}
