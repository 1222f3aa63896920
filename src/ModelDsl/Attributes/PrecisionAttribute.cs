using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Element types of the compute graph and of the master weights.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.precision")]
public sealed class PrecisionAttribute : Attribute
{
    public Precision Compute { get; set; }

    public Precision Master { get; set; }

    public string[] Fp32 { get; set; } = [];

    public string[] Fp8 { get; set; } = [];

    public bool Tf32 { get; set; }
}
