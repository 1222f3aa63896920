using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    public OnnxValue Tanh(string name, OnnxValue x) => Node("Tanh", name, x.Width, x.Name);

    /// <summary>A vector for each sequence: the mean over its tokens, or that of the first.</summary>
    public OnnxValue Pool(string name, OnnxValue x, bool mean)
    {
        var scope = Scoped(name) + ".";
        string Ints(string what, params ReadOnlySpan<long> values) => Builder.Constant(scope + what, DataType.Int64, values, values.Length);
        if (!mean)
        {
            var first = Builder.Constant<long>(scope + "first", DataType.Int64, [0]);
            return x with { Name = Builder.Node("Gather", "", Scoped(name), [x.Name, first], OnnxBuilder.Attribute("axis", 1)) };
        }

        NeedMask();
        var weights = Builder.Node("Unsqueeze", "", scope + "weights", [Builder.Node("Cast", "", scope + "mask", [Mask], Float), Ints("column", 2)]);
        string Sum(string what, string of) => Builder.Node("ReduceSum", "", scope + what, [of, Ints(what + ".axis", 1)], OnnxBuilder.Attribute("keepdims", 0));
        var sum = Sum("sum", Builder.Node("Mul", "", scope + "tokens", [x.Name, weights]));
        return Node("Div", name, x.Width, sum, Sum("count", weights));
    }

    private static Messages.AttributeProto Float => OnnxBuilder.Attribute("to", (long)DataType.Float);

    /// <summary>The last position of each sequence, int32 [batch], and the length of the longest, an int32.</summary>
    private (string Last, string Total) Lengths()
    {
        if (_shared.Lengths is { } known) return known;
        NeedMask();
        var toInt = OnnxBuilder.Attribute("to", (long)DataType.Int32);
        var one = Builder.Constant<long>("lengths.one", DataType.Int64, [1], 1);
        var counts = Builder.Node("ReduceSum", "", "lengths.counts", [Mask, one], OnnxBuilder.Attribute("keepdims", 0));
        var last = Builder.Node("Cast", "", "lengths.last", [Builder.Node("Sub", "", "lengths.before", [counts, one])], toInt);
        var total = Builder.Node("Cast", "", "lengths.total", [Longest("lengths.longest")], toInt);
        _shared.Lengths = (last, total);
        return (last, total);
    }

    /// <summary>0, 1, ..: the positions of a whole sequence, [1, sequence].</summary>
    private string CountPositions()
    {
        var (zero, one) = (Builder.Constant<long>("positions.zero", DataType.Int64, [0]), Builder.Constant<long>("positions.one", DataType.Int64, [1]));
        var count = Builder.Node("Range", "", "positions.count", [zero, Longest("positions.end"), one]);
        return Builder.Node("Unsqueeze", "", "positions", [count, Builder.Constant("positions.axis", DataType.Int64, [0L], 1)]);
    }

    /// <summary>The number of tokens of the longest sequence, an int64.</summary>
    private string Longest(string name)
    {
        var index = Builder.Constant<long>(name + ".index", DataType.Int64, [1]);
        return Builder.Node("Gather", "", name, [Builder.Node("Shape", "", name + ".shape", [InputIds]), index]);
    }

    private void NeedMask()
    {
        if (!_shared.HasMask) Builder.Input(Mask, DataType.Int64, "batch", "sequence");
        _shared.HasMask = true;
    }
}
