using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>What the exported model is to be, against how its weights are rounded.</summary>
internal static class ExportRules
{
    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (model.Export.OpsetOnly && model.Efficiency.Quantization is not null)
            yield return DiagnosticCatalog.StandardQuantization.At("export.opset-only", "an export in operators of the ONNX standard alone keeps its weights in fp32; remove 'efficiency.quantization' or 'opset-only'");
    }
}
