using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>What the keys of <c>quantization</c> say together, and with what trains.</summary>
internal static class QuantizationRules
{
    private const string Path = "efficiency.quantization";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (model.Efficiency.Quantization is not { } quantization) return [];
        return Rounding(quantization).Concat(Tokens(model, quantization)).Concat(quantization.Method == RoundingMethod.Qat ? Training(model.Efficiency, quantization) : []);
    }

    private static IEnumerable<Diagnostic> Rounding(QuantizationSpec quantization)
    {
        if (quantization.Weights != WeightType.Int8 && !QuantizationSpec.Groups.Contains(quantization.Group))
            yield return DiagnosticCatalog.QuantizationGroup.At(Path + ".group",
                $"ONNX Runtime has no products of groups of {quantization.Group}; write 16, 32, 64, 128 or 256");

        if (quantization.MethodObstacle() is { } obstacle) yield return DiagnosticCatalog.QuantizationMethod.At(Path + ".method", obstacle);
    }

    /// <summary>Weights of few bits cost less to read, which is what a product of few tokens waits for.</summary>
    private static IEnumerable<Diagnostic> Tokens(ModelSpec model, QuantizationSpec quantization)
    {
        if (quantization.EncoderObstacle(ObjectiveSpec.Resolve(model).Kind) is { } obstacle) yield return DiagnosticCatalog.FewBitsOfManyTokens.At(Path + ".weights", obstacle);
    }

    private static IEnumerable<Diagnostic> Training(EfficiencySpec efficiency, QuantizationSpec quantization)
    {
        const string Method = Path + ".method";
        if (efficiency.Precision.Fp8.Count > 0)
            yield return DiagnosticCatalog.QuantizationTraining.At(Method,
                "'precision: { fp8 }' rounds the operands of products in its own way, so 'qat' would train for another rounding than the export's; remove one of them");

        if (efficiency.Adapt is not null)
            yield return DiagnosticCatalog.QuantizationTraining.At(Method,
                "'adapt' freezes the weights that 'qat' trains to be rounded; remove one of them, or round with 'gptq'");

        for (var i = 0; i < quantization.Keep.Count; i++)
            if (quantization.Keep[i] == QuantizationSpec.Auto)
                yield return DiagnosticCatalog.QuantizationTraining.At($"{Path}.keep[{i}]",
                    "'auto' measures a trained model, and 'qat' must know in training which layers are kept; name them");
    }
}
