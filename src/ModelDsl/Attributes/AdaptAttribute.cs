namespace ModelCompiler;

/// <summary>Low-rank adapters on a frozen model.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.adapt")]
public sealed class AdaptAttribute : Attribute
{
    public int Rank { get; set; }

    public double Alpha { get; set; }

    public string[] Targets { get; set; } = [];

    public double Dropout { get; set; }

    public string From { get; set; } = "";
}
