using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Kernels of tangents against the ops' meaning in double precision, which numeric differentiation holds.</summary>
public sealed class TangentsTests : KernelTest
{
    private static readonly Attributes s_heads = Attributes.Of(("heads", 4), ("kv_heads", 2));
    private readonly Random _random = new(1);

    [Theory]
    [InlineData("gelu")]
    [InlineData("gelu_tanh")]
    [InlineData("silu")]
    [InlineData("relu_squared")]
    [InlineData("tanh")]
    public void Curvature(string function)
    {
        var inputs = Draw([6, 8], [6, 8], [6, 8]);
        var (dy, dx, x, y) = (T(inputs[0]), T(inputs[1]), T(inputs[2]), empty(6, 8));
        switch (function)
        {
            case "gelu": Kernels.GeluCurvature(dy, dx, x, y); break;
            case "gelu_tanh": Kernels.GeluTanhCurvature(dy, dx, x, y); break;
            case "silu": Kernels.SiluCurvature(dy, dx, x, y); break;
            case "relu_squared": Kernels.ReluSquaredCurvature(dy, dx, x, y); break;
            default: Kernels.TanhCurvature(dy, dx, x, y); break;
        }

        Check(function + "_curvature", Attributes.None, inputs, y);
    }

    [Fact]
    public void Swiglu()
    {
        var inputs = Draw([6, 8], [6, 8]);
        var y = empty(6, 4);
        Kernels.SwigluTangent(T(inputs[0]), T(inputs[1]), y);
        Check(SwigluTangent.OpName, Attributes.None, inputs, y);

        inputs = Draw([6, 4], [6, 8], [6, 4], [6, 8]);
        var result = empty(6, 8);
        Kernels.SwigluGradTangent(T(inputs[0]), T(inputs[1]), T(inputs[2]), T(inputs[3]), result);
        Check(SwigluGradTangent.OpName, Attributes.None, inputs, result);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Norms(bool centered)
    {
        var inputs = Draw([6, 8], [8], [8], [6, 8], [6], [6], [8]);
        if (!centered) (inputs[2], inputs[4]) = (null, null);
        Tensor? N(int i) => inputs[i] is { } value ? T(value) : null;
        var y = empty(6, 8);
        Kernels.NormTangent(N(0)!, N(1)!, N(2), N(3)!, N(4), N(5)!, N(6)!, y);
        Check(NormTangent.OpName, Attributes.None, inputs, y);

        inputs = Draw([6, 8], [6, 8], [8], [6, 8], [6, 8], [6], [6], [8], [8], [8]);
        if (!centered) (inputs[5], inputs[9]) = (null, null);
        var (result, weight, bias) = (empty(6, 8), N(8)!.clone(), N(9)?.clone());
        Kernels.NormGradTangent(N(0)!, N(1)!, N(2)!, N(3)!, N(4)!, N(5), N(6)!, N(7)!, accumulate: true, result, weight, bias);
        Check(NormGradTangent.OpName, Attributes.Of(("bias", centered)), inputs, centered ? [result, weight, bias!] : [result, weight]);
    }

    [Theory]
    [InlineData(true, 0, 0)]
    [InlineData(true, 2, 0.5)]
    [InlineData(false, 0, 0)]
    public void Attention(bool causal, int window, double softcap)
    {
        var attributes = s_heads;
        if (!causal) attributes = attributes.With("causal", false);
        if (window > 0) attributes = attributes.With("window", (long)window);
        if (softcap > 0) attributes = attributes.With("softcap", softcap);
        var inputs = Draw([2, 5, 32], [2, 5, 32]);
        var y = empty(10, 16);
        Kernels.AttentionTangent(T(inputs[0]), T(inputs[1]), 2, 5, 4, 2, y, causal, window, softcap);
        Check(AttentionTangent.OpName, attributes, inputs, y);

        inputs = Draw([2, 5, 16], [2, 5, 32], [2, 5, 16], [2, 5, 32]);
        var result = empty(10, 32);
        Kernels.AttentionGradTangent(T(inputs[0]), T(inputs[1]), T(inputs[2]), T(inputs[3]), 2, 5, 4, 2, result, causal, window, softcap);
        Check(AttentionGradTangent.OpName, attributes, inputs, result);
    }

    [Fact]
    public void Cross_entropy()
    {
        var inputs = Draw([2, 3, 5], [2, 3, 5], [2, 3], [2, 3], [2]);
        inputs[2] = inputs[2]! with { Data = [1, 4, -100, 0, 2, 3] };
        var result = empty(6, 5);
        var targets = tensor(new long[] { 1, 4, -100, 0, 2, 3 });
        Kernels.CrossEntropyGradTangent(T(inputs[0]), T(inputs[1]), targets, T(inputs[3]), T(inputs[4]), result);
        Check(CrossEntropyGradTangent.OpName, Attributes.None, inputs, result);
    }

    [Fact]
    public void Squared_error()
    {
        var inputs = Draw([2, 3, 2], [2, 3, 2]);
        inputs[1]!.Data[3] = double.NaN;
        var (x, wanted) = (T(inputs[0]), T(inputs[1]));
        var (loss, losses, gradient, tangent) = (empty(Array.Empty<long>()), empty(2), empty(6, 2), empty(6, 2));
        Kernels.SquaredError(x, wanted, loss, losses);
        Check(SquaredError.OpName, Attributes.None, inputs, loss, losses);
        Kernels.SquaredErrorGrad(x, wanted, gradient);
        Check(SquaredErrorGrad.OpName, Attributes.None, inputs, gradient);
        Kernels.SquaredErrorGradTangent(x, wanted, tangent);
        Check(SquaredErrorGradTangent.OpName, Attributes.None, inputs, tangent);
    }

    private ReferenceTensor?[] Draw(params long[][] shapes) =>
        [.. shapes.Select(shape => new ReferenceTensor([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (_random.NextDouble() * 2) - 1)], shape))];

    /// <summary>As kernels see it: all dimensions but the last in one.</summary>
    private static Tensor T(ReferenceTensor? value) => tensor(value!.Data.Select(v => (float)v).ToArray()) is var flat && value.Shape.Length > 1
        ? flat.view(-1, value.Last)
        : flat;

    private static void Check(string op, Attributes attributes, ReferenceTensor?[] inputs, params Tensor[] results)
    {
        var node = new Node(op, inputs.Select((input, i) => input is null ? "" : "x" + i).ToEquatableArray(), EquatableArray<Value>.Empty, attributes, "");
        var expected = OpTable.Find(op).Evaluate(new ReferenceInputs(node, inputs));
        Assert.Equal(expected.Count, results.Length);
        foreach (var (wanted, actual) in expected.Zip(results))
            Assert.All(wanted.Data.Zip(actual.flatten().to(ScalarType.Float64).data<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }
}
