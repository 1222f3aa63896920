namespace ModelCompiler;

/// <summary>Ends a run whose validation loss no longer falls.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.early-stop")]
public sealed class EarlyStopAttribute : Attribute
{
    public int Patience { get; set; }

    public double MinDelta { get; set; }
}
