using System.Text.RegularExpressions;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Equalization;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Tests.Generated;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx.Equalization;

/// <summary>Scaling channels leaves what a model computes, and makes rounding cost less.</summary>
public sealed partial class ChannelEqualizationTests
{
    /// <summary>Norms, and the half behind a gate. Query heads that share keys and values leave those as they are, and a tied head stays.</summary>
    [Fact]
    public void Norms_and_gates() => Check<Llama>(["attention.qkv", "mlp.down", "mlp.gate_up"]);

    [Fact]
    public void Layers_that_share_parameters_are_scaled_together() => Check<SharedBlocks>(["attention.qkv", "mlp.down", "mlp.gate_up"]);

    /// <summary>Values of attention where each head has its own, with biases; GELU stays.</summary>
    [Fact]
    public void Values_and_biases() => Check<Gpt2>(["attention.proj", "attention.qkv", "head", "mlp.up"]);

    private static void Check<TModel>(string[] expected)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var windows = OnnxQuantizationTests.Windows(model.Description.Context);
        var plan = new QuantizationPlan(new QuantizationSpec { Weights = WeightType.Int4, Group = 16 });
        var before = Logits(model, model.Parameters.Masters(), windows);
        foreach (var scales in new IChannelScales[] { new AwqScales(), new SmoothScales(0.5) })
        {
            using var parameters = model.Parameters.Snapshot();
            using var observed = Calibration.Observe(model, parameters, windows, ExportWatch.None);
            var last = observed.Graph.LinearLayers.Last(layer => layer.Name.EndsWith(expected.Contains("head") ? "head" : "mlp.down", StringComparison.Ordinal));
            double Error() => OutputError.Of(last.Weight, ones(last.Input.Width), plan.Packed(WeightType.Int4), observed.Moments[last.Name]);
            var error = Error();
            var layers = ChannelEqualization.Apply(observed, plan, scales, ExportWatch.None);
            Assert.Equal(expected, layers.Select(name => InBlock().Replace(name, "")).Distinct().Order(StringComparer.Ordinal));

            // What is computed stays, and what calibration knows of it is what another run sees.
            var after = Logits(model, parameters, windows);
            Assert.True(before.Zip(after, (a, b) => Math.Abs(a - b)).Max() < 1e-3 * before.Max(MathF.Abs));
            using var again = Calibration.Observe(model, parameters, windows, ExportWatch.None);
            foreach (var layer in layers)
            {
                Assert.True(again.Moments[layer].allclose(observed.Moments[layer], rtol: 1e-3, atol: 1e-3 * again.Moments[layer].abs().max().item<float>()));
                Assert.Equal(again.Inputs[layer].Most.Max(), observed.Inputs[layer].Most.Max(), 1e-3f * again.Inputs[layer].Most.Max());
            }

            if (scales is AwqScales)
                Assert.InRange(Error(), 0, error * 1.0001);
        }
    }

    [GeneratedRegex(@"^\w+\.\d+\.")]
    private static partial Regex InBlock();

    private static float[] Logits(ICompiledModel model, Runtime.Training.ParameterStore parameters, int[][] windows)
    {
        using var folder = new TemporaryFolder();
        OnnxExport.WriteGraph(model, parameters, folder.Path, new());
        using var program = OnnxProgram.Open(model.Description, folder.Path);
        return [.. program.Forward(windows[0])];
    }
}
