using System.CommandLine;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.Tests.CommandLine;

/// <summary>What an export makes of a declared quantization and what is given in its place.</summary>
public sealed class QuantizationOptionSetTests
{
    private static readonly QuantizationSpec s_smooth = new()
    {
        Weights = WeightType.Int8, Method = RoundingMethod.SmoothQuant, Smoothing = 0.7, Activations = ActivationRange.Static, KvCache = KvCacheType.Int8,
    };

    private static readonly QuantizationSpec s_trained = new()
    {
        Weights = WeightType.Int4, Symmetric = false, Method = RoundingMethod.Qat, From = 0.25, Prefill = PrefillType.Int8, Int8 = EquatableArray.Of("head"),
    };

    [Fact]
    public void Nothing_given_is_what_is_declared()
    {
        Assert.Null(Read(null));
        Assert.Equal(s_smooth, Read(s_smooth));
        Assert.Equal(s_trained, Read(s_trained));
        Assert.Equal(s_trained, Read(s_trained, "--quantization", "int4", "--method", "qat"));
        Assert.Null(Read(s_trained, "--quantization", "fp32"));
        Assert.Equal(new QuantizationSpec { Weights = WeightType.Int4, Group = 64, Method = RoundingMethod.Gptq }, Read(null, "--quantization", "int4", "--group", "64", "--method", "gptq"));
    }

    /// <summary>Keys of other weights and methods are left out, and a method that would do nothing is.</summary>
    [Fact]
    public void What_has_no_effect_beside_other_weights_is_left_out()
    {
        Assert.Equal(new QuantizationSpec { Weights = WeightType.Int4, KvCache = KvCacheType.Int8 }, Read(s_smooth, "--quantization", "int4"));
        Assert.Equal("int4, groups of 32, nearest, int8 KV cache", OnnxExport.Describe(Read(s_smooth, "--quantization", "int4")));
        Assert.Equal("int8, nearest", OnnxExport.Describe(Read(s_trained, "--quantization", "int8")));
        Assert.Equal(s_trained with { Group = 64, Method = RoundingMethod.Nearest, From = 0.5 }, Read(s_trained, "--group", "64"));
        Assert.Equal(s_trained with { Method = RoundingMethod.Gptq, From = 0.5 }, Read(s_trained, "--method", "gptq"));
        Assert.Equal(RoundingMethod.Nearest, Read(new QuantizationSpec { Weights = WeightType.Int4, Method = RoundingMethod.Hqq }, "--quantization", "int8")!.Method);
    }

    [Theory]
    [InlineData("'smooth-quant' makes activations easier", "--quantization", "int4", "--method", "smooth-quant")]
    [InlineData("'hqq' looks for the scales of small groups", "--quantization", "int8", "--method", "hqq")]
    [InlineData("'qat' rounds as the model was trained", "--quantization", "int8", "--method", "qat")]
    [InlineData("--method has no effect on weights in fp32", "--quantization", "fp32", "--method", "gptq")]
    [InlineData("--group has no effect on weights in fp32", "--quantization", "fp32", "--group", "64")]
    [InlineData("--group has no effect on int8", "--quantization", "int8", "--group", "64")]
    public void What_does_nothing_is_refused(string expected, params string[] args) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => Read(s_trained, args)).Message, StringComparison.Ordinal);

    [Fact]
    public void Groups_are_those_that_there_are_products_of()
    {
        Assert.Contains("16, 32, 64, 128 or 256", Assert.Single(Parse(new(null), "--group", "24").Errors).Message, StringComparison.Ordinal);
        Assert.NotEmpty(Parse(new(null), "--method", "qat").Errors); // was not trained for it
    }

    private static QuantizationSpec? Read(QuantizationSpec? declared, params string[] args)
    {
        var options = new QuantizationOptionSet(declared);
        var parsed = Parse(options, args);
        Assert.Empty(parsed.Errors);
        return options.Read(parsed);
    }

    private static ParseResult Parse(QuantizationOptionSet options, params string[] args)
    {
        var command = new Command("export");
        foreach (var option in options.All) command.Options.Add(option);
        return command.Parse(args);
    }
}
