using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>All pacings.</summary>
internal static class PacingTable
{
    /// <param name="kind">The declared kind.</param>
    /// <param name="method">The model's own; it has one exactly if that is declared.</param>
    public static IPacing Of(PacingKind kind, Func<double, double>? method) => kind switch
    {
        PacingKind.Linear => new LinearPacing(),
        PacingKind.Root => new RootPacing(),
        PacingKind.Exponential => new ExponentialPacing(),
        PacingKind.Step => new StepPacing(),
        PacingKind.Method => new MethodPacing(method!),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}
