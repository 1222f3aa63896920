using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class InsertFakeQuantizationTests
{
    [Fact]
    public void Weights_of_linear_layers_are_read_rounded() => PassTests.Check(
        new InsertFakeQuantization(),
        PassTests.Graph(
            [PassTests.Weight("norm.weight", PassTests.C), PassTests.Weight("head.weight", new Dim("V", 16), PassTests.C)],
            [PassTests.Node("linear", "head", "x", "head.weight")], "head"),
        """
        function main(x: f32[B, T, C])
          parameter norm.weight: f32[C] = norm.weight[8] normal(0.02)
          parameter head.weight: f32[V, C] = head.weight[16] normal(0.02)
          head: f32[B, T, V] = linear(x, head.weight)
          return head
        """,
        """
        function main(x: f32[B, T, C])
          parameter norm.weight: f32[C] = norm.weight[8] normal(0.02)
          parameter head.weight: f32[V, C] = head.weight[16] normal(0.02) quantized as head
          head: f32[B, T, V] = linear(x, head.weight)
          return head
        """,
        Spec(RoundingMethod.Qat));

    [Fact]
    public void Without_it_nothing_is_changed()
    {
        Assert.DoesNotContain("quantized", PassTests.Text(Train(Spec(RoundingMethod.Gptq))));
        Assert.DoesNotContain("quantized", PassTests.Text(Train(Models.Gpt2)));
    }

    /// <summary>The whole matrix of a tied head, and each matrix of a repeated block under the name that its layer has in the export.</summary>
    [Fact]
    public void Layers_have_the_names_of_the_export()
    {
        var spec = Spec(RoundingMethod.Qat);
        spec = spec with { Architecture = spec.Architecture with { TieEmbeddings = true, Width = 32 } };
        var (training, export) = (Train(spec), Pipelines.Run(Pipelines.Export, GraphBuilder.Build(spec), spec));
        foreach (var function in training.Blocks.Append(training.Main).Where(f => !f.Name.Contains('.')))
        {
            var layers = (function.Name == "main" ? export.Main : export.Block(function.Name)).Nodes.Where(n => n.Op == "linear").Select(n => n.Outputs[0].Name);
            Assert.Equal(layers.Order(StringComparer.Ordinal), function.Parameters.Select(p => p.Quantized).OfType<string>().Order(StringComparer.Ordinal));
        }
    }

    /// <summary>A checkpoint without it can be trained on with it.</summary>
    [Fact]
    public void Inference_is_the_same_program()
    {
        var spec = Spec(RoundingMethod.Qat);
        Assert.Equal(
            PassTests.Text(Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(Models.Gpt2), Models.Gpt2)),
            PassTests.Text(Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(spec), spec)));
    }

    /// <summary>It reads the masters, of which there is no rounded copy.</summary>
    [Fact]
    public void A_layer_that_computes_in_fp32_must_be_kept()
    {
        var spec = Spec(RoundingMethod.Qat);
        spec = spec with { Efficiency = spec.Efficiency with { Precision = new() { Compute = Precision.Bf16, Fp32 = EquatableArray.Of("head") } } };
        var error = Assert.Throws<PassException>(() => Train(spec));
        Assert.Equal(("MC2132", "efficiency.quantization.method"), (error.Diagnostic.Id, error.Diagnostic.SpecPath));
        Assert.Contains("'head'", error.Diagnostic.Message, StringComparison.Ordinal);
        Train(spec with { Efficiency = spec.Efficiency with { Quantization = spec.Efficiency.Quantization! with { Keep = EquatableArray.Of("head") } } });
    }

    private static Compiler.Graphs.Graph Train(ModelSpec spec) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);

    private static ModelSpec Spec(RoundingMethod method) => Models.Gpt2 with
    {
        Efficiency = new() { Quantization = new QuantizationSpec { Weights = WeightType.Int4, Method = method } },
    };
}
