using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>Tensors [.., M₁] [.., M₂] … side by side: [.., M₁ + M₂ + …]. PackProjections removes those over linear layers.</summary>
public sealed class Concat : Op
{
    public override string Name => "concat";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        long width = 0;
        for (var i = 0; inputs.Has(i); i++)
        {
            inputs.Require(inputs[i].Rows == inputs[0].Rows && inputs[i].DType == inputs[0].DType, "rows or element types differ");
            width += inputs[i].Last.Value;
        }
        return [inputs[0].WithLast(Dim.Of(width))];
    }

    public override void Differentiate(GradientBuilder g)
    {
        for (var i = 0; g.Input(i).Length > 0; i++)
            g.Emit("slice", Attributes.Of(("start", g.Attributes.Long("start" + i)), ("width", g.Attributes.Long("start" + (i + 1)) - g.Attributes.Long("start" + i))), [g.OutputGradient], i);
    }

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, [.. Enumerable.Range(0, t.Inputs).Select(t.Tangent)]);

    public override KernelCall Lower(Inputs inputs) => new("Concat", Array(Count(inputs)), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Concat", Array(Count(inputs)));

    private static int Count(Inputs inputs)
    {
        var count = 0;
        while (inputs.Has(count)) count++;
        return count;
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var parts = new List<ReferenceTensor>();
        for (var i = 0; inputs.Has(i); i++) parts.Add(inputs[i]);
        var rows = Enumerable.Range(0, parts[0].Rows)
            .SelectMany(r => parts.SelectMany(p => p.Data.Skip(r * p.Last).Take(p.Last)));
        return [new(rows.ToArray(), [.. parts[0].Shape.Take(parts[0].Shape.Length - 1), parts.Sum(p => p.Last)])];
    }

    /// <summary>The attributes of a concat of these widths: where each part starts.</summary>
    public static Attributes Starts(IEnumerable<long> widths)
    {
        var starts = new List<long> { 0 };
        foreach (var width in widths) starts.Add(starts[starts.Count - 1] + width);
        return Attributes.Of(starts.Select((s, i) => ("start" + i, (object)s)).ToArray());
    }
}

/// <summary>Columns start to start + width of x [.., M].</summary>
public sealed class Slice : Op
{
    public override string Name => "slice";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (start, width) = (inputs.Attributes.Long("start"), inputs.Attributes.Long("width"));
        inputs.Require(start >= 0 && start + width <= inputs[0].Last.Value, "the columns must lie within x");
        return [inputs[0].WithLast(Dim.Of(width))];
    }

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Tangent(0));

    public override KernelCall Lower(Inputs inputs) => new("Slice", In(0), inputs.Attributes.Long("start"), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Slice", In(0), inputs.Attributes.Long("start"), inputs.Attributes.Long("width"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, start, width) = (inputs[0], inputs.Attributes.Int("start"), inputs.Attributes.Int("width"));
        var rows = Enumerable.Range(0, x.Rows).SelectMany(r => x.Data.Skip((r * x.Last) + start).Take(width));
        return [new(rows.ToArray(), [.. x.Shape.Take(x.Shape.Length - 1), width])];
    }
}
