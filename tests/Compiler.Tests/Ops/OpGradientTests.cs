using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Ops;

/// <summary>The gradient rule of every op against central differences in double precision.</summary>
public sealed class OpGradientTests
{
    private static readonly Attributes Heads = Attributes.Of(("heads", 4), ("kv_heads", 2));

    private static readonly Attributes Latent = Attributes.Of(("heads", 2), ("size", 4), ("rope", 2));

    private static readonly Attributes Relative = Attributes.Of(("heads", 2), ("memory", 4), ("same_length", false));

    /// <summary>The row of each of 6 · 2 choices, of which two are dropped, and the choice of each row.</summary>
    private static readonly double[] Slots = [3, 0, 5, -1, 1, 2, 4, 6, 7, -1, 8, 9];

    private static readonly double[] Sources = [1, 4, 5, 0, 6, 2, 7, 8, 10, 11, -1, -1];

    /// <summary>An op, its attributes, the shapes of its inputs; integers are token ids below the bound.</summary>
    internal static readonly Case[] Cases =
    [
        new("embedding", Attributes.Of(("rows", 5)), [[2, 3], [5, 4]], Integers: [0], Bound: 5),
        new("add_position", Attributes.Of(("rows", 4)), [[2, 3, 4], [4, 4]]),
        new("add", Attributes.None, [[2, 3], [2, 3]]),
        new("add", Attributes.None, [[2, 3], [2, 3], [3]]),
        new("multiply", Attributes.None, [[2, 3], [2, 3]]),
        new("linear", Attributes.None, [[2, 3, 4], [5, 4]]),
        new("linear", Attributes.None, [[3, 4], [5, 4], [5]]),
        new("linear_fp8", Attributes.None, [[2, 3, 4], [5, 4]]),
        new("scale", Attributes.Of(("factor", 0.5)), [[3, 4]]),
        new("add_product", Attributes.Of(("start", 1)), [[2, 3, 6], [2, 3, 2], [4, 2]]),
        new("add_bias", Attributes.None, [[2, 3, 4], [4]]),
        new("layer_norm", Attributes.Of(("epsilon", 1e-5)), [[2, 3, 6], [6], [6]]),
        new("layer_norm", Attributes.Of(("epsilon", 1e-5)), [[2, 3, 6], [6], []]),
        new("rms_norm", Attributes.Of(("epsilon", 1e-5)), [[2, 3, 6], [6]]),
        new("gelu", Attributes.None, [[3, 7]]),
        new("gelu", Attributes.None, [[3, 7], [7]]),
        new("gelu_tanh", Attributes.None, [[3, 7]]),
        new("gelu_tanh", Attributes.None, [[3, 7], [7]]),
        new("silu", Attributes.None, [[3, 7]]),
        new("relu_squared", Attributes.None, [[3, 7]]),
        new("relu", Attributes.None, [[3, 7]]),
        new("tanh", Attributes.None, [[3, 7]]),
        new("tanh", Attributes.None, [[3, 7], [7]]),
        new("pool", Attributes.Of(("mean", false)), [[2, 3, 4]]),
        new("pool", Attributes.Of(("mean", true)), [[2, 3, 4]]),
        new("pool", Attributes.Of(("mean", true)), [[2, 4, 3], [2]], Integers: [1], Bound: 4, Lowest: 1),
        new("swiglu", Attributes.None, [[3, 8]]),
        new("softcap", Attributes.Of(("cap", 0.5)), [[3, 7]]),
        new("rope", Heads.With("theta", 100.0).With("inverse", false), [[2, 3, 32]]),
        new("rope", Heads.With("theta", 100.0).With("inverse", false), [[2, 3, 32], [2, 3]], Integers: [1], Bound: 9),
        new("rope", Heads.With("theta", 100.0).With("inverse", false).With("scaling", "Yarn").With("factor", 4.0).With("original", 8.0)
            .With("low", 0.1).With("high", 2.0).With("magnitude", 1.2), [[2, 3, 64]]),
        new("qk_norm", Heads.With("epsilon", 1e-6), [[2, 3, 32], [4], [4]]),
        new("attention", Heads, [[2, 5, 32]]),
        new("attention", Attributes.Of(("heads", 4), ("kv_heads", 1)), [[2, 5, 24]]),
        new("attention", Heads.With("causal", false), [[2, 5, 32]]),
        new("attention", Heads.With("window", 2L), [[2, 5, 32]]),
        new("attention", Heads.With("softcap", 0.5).With("window", 3L), [[2, 5, 32]]),
        new("latent_heads", Latent, [[2, 3, 8], [2, 3, 4], [2, 3, 16], [2, 3, 2]]),
        new("head_columns", Attributes.Of(("heads", 2), ("from", 5), ("to", 3)), [[2, 3, 10]]),
        new("head_columns", Attributes.Of(("heads", 2), ("from", 3), ("to", 5)), [[2, 3, 6]]),
        new("relative_keys", Attributes.Of(("memory", 4), ("sequence", 3), ("clamp", 4)), [[4, 6]]),
        new("relative_attention", Relative, [[2, 3, 8], [2, 3, 16], [3, 8], [8], [8]]),
        // A memory of four positions, of which the queries see as many as the random firsts leave them.
        new("relative_attention", Relative, [[2, 3, 8], [2, 3, 16], [7, 8], [8], [8], [2, 4, 16], [2, 3]], Integers: [6], Bound: 5),
        new("router", Attributes.None, [[2, 3, 4], [5, 4]]),
        new("route", Attributes.Of(("top_k", 1), ("balance", 0.0)), [[2, 3, 4]]),
        new("route", Attributes.Of(("top_k", 2), ("balance", 0.0), ("capacity", 0.7)), [[2, 3, 4]]),
        new("dispatch", Attributes.None, [[2, 3, 4], [2, 3, 2], [2, 3, 2]], Integers: [1, 2]) { Given = new() { [1] = Sources, [2] = Slots } },
        new("combine", Attributes.None, [[2, 3, 2, 4], [2, 3, 2], [2, 3, 2], [2, 3, 2]], Integers: [2, 3]) { Given = new() { [2] = Slots, [3] = Sources } },
        new("expert_linear", Attributes.Of(("experts", 3)), [[2, 3, 2, 4], [15, 4], [4]], Integers: [2]) { Given = new() { [2] = [0, 4, 4, 10] } },
        new("dropout", Attributes.Of(("rate", 0.25), ("site", 0)), [[3, 4]]),
        new("cross_entropy", Attributes.None, [[2, 3, 5], [2, 3]], Integers: [1], Bound: 5),
        new("cross_entropy", Attributes.None, [[2, 3, 5], [2, 3], [2]], Integers: [1, 2], Bound: 4),
        new("cross_entropy", Attributes.Of(("accuracy", true)), [[2, 7, 3], [2, 7]], Integers: [1], Bound: 3, Lowest: -3),
        new("cross_entropy", Attributes.None, [[4, 3], [4]], Integers: [1], Bound: 3),
        new("linear_cross_entropy", Attributes.Of(("rows", 3), ("accuracy", true)), [[2, 6, 4], [3, 4], [], [2, 6]], Integers: [3], Bound: 3, Lowest: -3),
        new("linear_cross_entropy", Attributes.Of(("rows", 3)), [[2, 3, 4], [5, 4], [], [2, 3]], Integers: [3], Bound: 5),
        new("linear_cross_entropy", Attributes.Of(("rows", 3)), [[2, 3, 4], [5, 4], [5], [2, 3], [2]], Integers: [3, 4], Bound: 4),
        new("squared_error", Attributes.None, [[2, 3, 2], [2, 3, 2]], Integers: [1], Bound: 4),
        new("cast", Cast.Between("f32", "bf16"), [[2, 3]]),
        new("convolution", Attributes.None, [[2, 5, 3], [3, 3]]),
        new("convolution", Attributes.None, [[2, 2, 3], [4, 3]]),
        new("concat", Concat.Starts([3, 2]), [[4, 3], [4, 2]]),
    ];

    public static TheoryData<int> All => new(Enumerable.Range(0, Cases.Length));

    [Theory]
    [MemberData(nameof(All))]
    public void Gradient_equals_numeric_differentiation(int index)
    {
        var (op, attributes, shapes, integers, bound, lowest) = Cases[index];
        var given = Cases[index].Given;
        var random = new Random(index);
        var names = shapes.Select((s, i) => s.Length == 0 ? "" : "x" + i).ToArray();
        var values = new Dictionary<string, ReferenceTensor>();
        for (var i = 0; i < shapes.Length; i++)
            if (names[i].Length > 0)
                values[names[i]] = given is not null && given.TryGetValue(i, out var data)
                    ? new ReferenceTensor(data, shapes[i])
                    : Draw(random, shapes[i], integers?.Contains(i) == true ? bound : 0, lowest);

        var outputs = Enumerable.Range(0, 4).Select(i => new Value("y" + i)).ToEquatableArray();
        var node = new Node(op, names.ToEquatableArray(), outputs, attributes, "");
        var y = Evaluate(node, values)[0];
        var seed = op == "squared_error" || op.EndsWith("cross_entropy", StringComparison.Ordinal) ? new ReferenceTensor([1], []) : Draw(random, y.Shape, 0);

        var (gradients, _) = Backward(node, values, seed, integers);
        foreach (var (name, i) in names.Select((n, i) => (n, i)))
        {
            if (name.Length == 0 || integers?.Contains(i) == true) continue;
            var expected = Numeric(node, values, name, seed);
            Assert.True(gradients.ContainsKey(name), $"{op} has no gradient of input {i}");
            for (var k = 0; k < expected.Length; k++)
                Assert.True(
                    Math.Abs(expected[k] - gradients[name].Data[k]) < 1e-6 * Math.Max(1, Math.Abs(expected[k])),
                    $"{op}, input {i}, element {k}: {gradients[name].Data[k]} instead of {expected[k]}");
        }
    }

    [Fact]
    public void Every_op_with_a_gradient_rule_is_tested()
    {
        var differentiable = OpTable.All
            .Where(op => op.GetType().GetMethod(nameof(Op.Differentiate))!.DeclaringType != typeof(Op))
            .Select(op => op.Name);
        Assert.Empty(differentiable.Except(Cases.Select(c => c.Op)));
    }

    internal static IReadOnlyList<ReferenceTensor> Evaluate(Node node, Dictionary<string, ReferenceTensor> values) =>
        OpTable.Find(node.Op).Evaluate(new ReferenceInputs(node, node.Inputs.Select(i => i.Length == 0 ? null : values[i]).ToArray()));

    /// <summary>The gradients of a node's inputs, and the nodes that give them.</summary>
    internal static (Dictionary<string, ReferenceTensor> Gradients, List<Node> Nodes) Backward(
        Node node, Dictionary<string, ReferenceTensor> inputs, ReferenceTensor seed, int[]? integers)
    {
        var gradients = new Dictionary<string, string> { ["y0"] = "seed" };
        var nodes = new List<Node>();
        var integerNames = (integers ?? []).Select(i => "x" + i).ToHashSet();
        var count = 0;
        // Nothing is a parameter here: gradients of activations add up by nodes of their own.
        var builder = new GradientBuilder(node, _ => false, gradients, v => !integerNames.Contains(v), n => $"{n}#{count++}", nodes);
        OpTable.Find(node.Op).Differentiate(builder);

        var values = new Dictionary<string, ReferenceTensor>(inputs) { ["seed"] = seed };
        var forward = Evaluate(node, inputs);
        for (var i = 0; i < forward.Count; i++) values["y" + i] = forward[i];
        foreach (var n in nodes)
        {
            var results = Evaluate(n, values);
            for (var i = 0; i < results.Count; i++) values[n.Outputs[i].Name] = results[i];
        }
        return (gradients.Where(g => g.Key != "y0").ToDictionary(g => g.Key, g => values[g.Value]), nodes);
    }

    private static double[] Numeric(Node node, Dictionary<string, ReferenceTensor> values, string name, ReferenceTensor seed)
    {
        const double h = 1e-5;
        var x = values[name].Data;
        double Loss() => Evaluate(node, values)[0].Data.Zip(seed.Data, (a, b) => a * b).Sum();
        return x.Select((original, k) =>
        {
            x[k] = original + h;
            var up = Loss();
            x[k] = original - h;
            var down = Loss();
            x[k] = original;
            return (up - down) / (2 * h);
        }).ToArray();
    }

    internal static ReferenceTensor Draw(Random random, long[] shape, int bound, int lowest = 0) => new(
        Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b))
            .Select(_ => bound > 0 ? random.Next(lowest, bound) : (random.NextDouble() * 2) - 1).ToArray(),
        shape);

    internal sealed record Case(string Op, Attributes Attributes, long[][] Shapes, int[]? Integers = null, int Bound = 0, int Lowest = 0)
    {
        /// <summary>Inputs that are not drawn.</summary>
        public Dictionary<int, double[]>? Given { get; init; }
    }
}
