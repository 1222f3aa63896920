using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Ops;

/// <summary>Ops that say so, and the gradient ops that they give, run over some rows and then the others to the same result.</summary>
public sealed class ByRowsTests
{
    public static TheoryData<int> Cases => new(Enumerable.Range(0, OpGradientTests.Cases.Length).Where(i => OpTable.Find(OpGradientTests.Cases[i].Op).ByRows));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Parts_of_the_rows_are_parts_of_the_whole(int index)
    {
        var (op, attributes, shapes, _, _, _) = OpGradientTests.Cases[index];
        var random = new Random(index);
        var names = shapes.Select((s, i) => s.Length == 0 ? "" : "x" + i).ToArray();
        var values = names.Select((n, i) => (n, i)).Where(n => n.n.Length > 0).ToDictionary(n => n.n, n => OpGradientTests.Draw(random, shapes[n.i], 0));
        var node = new Node(op, names.ToEquatableArray(), Enumerable.Range(0, 4).Select(i => new Value("y" + i)).ToEquatableArray(), attributes, "");
        var parameters = names.Where((n, i) => n.Length > 0 && IsParameter(op, i)).ToHashSet();

        var whole = OpGradientTests.Evaluate(node, values);
        var seed = OpGradientTests.Draw(random, whole[0].Shape, 0);
        var (gradients, nodes) = OpGradientTests.Backward(node, values, seed, null);
        Assert.All(nodes, n => Assert.True(OpTable.Find(n.Op).ByRows, $"{n.Op}, of the gradient of {op}, does not say that it runs by rows"));

        var parts = new[] { (First: 0L, End: 1L), (First: 1L, End: shapes[0][0]) }.Select(part =>
        {
            var some = values.ToDictionary(v => v.Key, v => parameters.Contains(v.Key) ? v.Value : Slice(v.Value, part));
            return (Outputs: OpGradientTests.Evaluate(node, some), OpGradientTests.Backward(node, some, Slice(seed, part), null).Gradients);
        }).ToList();
        for (var i = 0; i < whole.Count; i++) Same(whole[i].Data, [.. parts.SelectMany(part => part.Outputs[i].Data)], $"output {i}");
        foreach (var (name, gradient) in gradients)
        {
            double[] joined = parameters.Contains(name)
                ? [.. parts[0].Gradients[name].Data.Zip(parts[1].Gradients[name].Data, (a, b) => a + b)]
                : [.. parts.SelectMany(part => part.Gradients[name].Data)];
            Same(gradient.Data, joined, $"the gradient of {name}");
        }

        void Same(double[] expected, double[] actual, string what)
        {
            Assert.Equal(expected.Length, actual.Length);
            Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) < 1e-12, $"{op}, {what}: {pair.Second} instead of {pair.First}"));
        }
    }

    /// <summary>Weights and biases, which all rows share.</summary>
    private static bool IsParameter(string op, int input) => op switch
    {
        "add" or "add_product" => input == 2,
        "multiply" or "concat" => false,
        _ => input > 0,
    };

    private static ReferenceTensor Slice(ReferenceTensor value, (long First, long End) rows)
    {
        var each = value.Data.Length / (int)value.Shape[0];
        return new(value.Data[((int)rows.First * each)..((int)rows.End * each)], [rows.End - rows.First, .. value.Shape.Skip(1)]);
    }
}
