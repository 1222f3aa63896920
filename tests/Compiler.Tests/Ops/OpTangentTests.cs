using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Ops;

/// <summary>
/// The tangent rules of every op and of its gradient: the directional derivative of the outputs and of the gradients, against central
/// differences in double precision.
/// </summary>
public sealed class OpTangentTests
{
    private static readonly OpGradientTests.Case[] Cases =
    [
        .. OpGradientTests.Cases.Where(c => HasRule(OpTable.Find(c.Op)) && !(OpTable.Find(c.Op) is Pointwise && c.Shapes.Length > 1)),
    ];

    public static TheoryData<int> All => new(Enumerable.Range(0, Cases.Length));

    [Theory]
    [MemberData(nameof(All))]
    public void Tangent_equals_numeric_differentiation(int index)
    {
        var (op, attributes, shapes, integers, bound, lowest) = Cases[index];
        var random = new Random(index);
        var names = shapes.Select((s, i) => s.Length == 0 ? "" : "x" + i).ToArray();
        bool IsData(int i) => integers?.Contains(i) == true;
        var values = new Dictionary<string, ReferenceTensor>();
        for (var i = 0; i < shapes.Length; i++)
            if (names[i].Length > 0) values[names[i]] = OpGradientTests.Draw(random, shapes[i], IsData(i) ? bound : 0, lowest);

        var node = new Node(op, names.ToEquatableArray(), Enumerable.Range(0, 4).Select(i => new Value("y" + i)).ToEquatableArray(), attributes, "");
        var y = OpGradientTests.Evaluate(node, values)[0];
        values["seed"] = op is "cross_entropy" or "squared_error" ? new([1], []) : OpGradientTests.Draw(random, y.Shape, 0);

        var gradients = new Dictionary<string, string> { ["y0"] = "seed" };
        var nodes = new List<Node>();
        var data = names.Where((_, i) => IsData(i)).ToHashSet();
        OpTable.Find(op).Differentiate(new GradientBuilder(node, _ => false, gradients, v => !data.Contains(v), Fresh(), nodes));
        nodes.Insert(0, node);

        var directions = names.Append("seed").Where(n => n.Length > 0 && !data.Contains(n) && values[n].Shape.Length > 0)
            .ToDictionary(n => n, n => OpGradientTests.Draw(random, values[n].Shape, 0));
        var tangents = directions.Keys.ToDictionary(n => n, n => n + TangentBuilder.Suffix);
        var linearized = new List<Node>();
        var fresh = Fresh();
        foreach (var each in nodes)
        {
            linearized.Add(each);
            OpTable.Find(each.Op).Linearize(new TangentBuilder(each, tangents, v => fresh(v + TangentBuilder.Suffix), linearized));
        }

        var actual = Run(linearized, values.Concat(directions.Select(d => new KeyValuePair<string, ReferenceTensor>(d.Key + TangentBuilder.Suffix, d.Value))));
        const double h = 1e-5;
        Dictionary<string, ReferenceTensor> Moved(double step) => Run(nodes, values.Select(v => directions.TryGetValue(v.Key, out var direction)
            ? new(v.Key, v.Value with { Data = v.Value.Data.Zip(direction.Data, (x, d) => x + (step * d)).ToArray() })
            : v));
        var (up, down) = (Moved(h), Moved(-h));
        foreach (var name in gradients.Values.Append("y0").Where(n => n != "seed" && tangents.ContainsKey(n)))
            for (var k = 0; k < up[name].Data.Length; k++)
            {
                var expected = (up[name].Data[k] - down[name].Data[k]) / (2 * h);
                var found = actual[tangents[name]].Data[k];
                Assert.True(Math.Abs(expected - found) < 1e-6 * Math.Max(1, Math.Abs(expected)), $"{op}, tangent of {name}, element {k}: {found} instead of {expected}");
            }
        Assert.All(gradients.Where(g => g.Key != "y0" && !data.Contains(g.Key)), g => Assert.Contains(g.Value, tangents.Keys));
    }

    [Fact]
    public void Every_op_with_a_tangent_rule_is_tested()
    {
        var used = Cases.Select(c => c.Op).ToHashSet();
        var known = OpTable.All.Where(op => HasRule(op) && !op.Name.Contains("_grad", StringComparison.Ordinal)).Select(op => op.Name);
        Assert.Equal(["slice"], known.Except(used)); // what blocks are split by: LinearizeTests
    }

    private static bool HasRule(Op op) => op.GetType().GetMethod(nameof(Op.Linearize))!.DeclaringType != typeof(Op);

    private static Func<string, string> Fresh()
    {
        var count = 0;
        return name => $"{name}#{count++}";
    }

    private static Dictionary<string, ReferenceTensor> Run(IEnumerable<Node> nodes, IEnumerable<KeyValuePair<string, ReferenceTensor>> inputs)
    {
        var values = new Dictionary<string, ReferenceTensor>(inputs);
        foreach (var node in nodes)
        {
            var results = OpGradientTests.Evaluate(node, values);
            for (var i = 0; i < results.Count; i++) values[node.Outputs[i].Name] = results[i];
        }
        return values;
    }
}
