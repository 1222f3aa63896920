namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>The form of each linear layer: one for all, but for the layers that are kept in fp32.</summary>
internal sealed class LinearForms(ILinearForm form, Func<string, bool> kept)
{
    private static readonly ILinearForm s_fp32 = new Fp32Linear();

    /// <summary>All in fp32.</summary>
    public static LinearForms Fp32 => new(s_fp32, _ => false);

    public ILinearForm Of(string layer) => kept(layer) ? s_fp32 : form;
}
