namespace ModelCompiler;

/// <summary>Sequences that the student continues itself, for its teacher to judge.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation.on-policy")]
public sealed class OnPolicyAttribute : Attribute
{
    public double Share { get; set; }

    public int Every { get; set; }

    public int Prompt { get; set; }

    public double Temperature { get; set; }
}
