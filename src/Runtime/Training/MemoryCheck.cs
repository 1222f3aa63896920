using System.Globalization;
using ModelCompiler.Runtime.Memory;

namespace ModelCompiler.Runtime.Training;

/// <summary>Foresees, from the plan that was made at build time, that a run would not fit the memory of its device.</summary>
internal static class MemoryCheck
{
    private const double Mebibyte = 1024 * 1024, Gibibyte = 1024 * Mebibyte;

    /// <summary>To be called when the parameters are there, and nothing else of training yet.</summary>
    /// <exception cref="InsufficientMemoryException">Gradients, optimizer state and activations do not fit.</exception>
    public static void Demand(ModelDescription model, FreeMemory? free)
    {
        if (model.Memory is not { } plan || free is not { } left)
            return;
        var needed = plan.Total - plan.Parameters;
        if (needed <= left.Bytes)
            return;
        var budget = (left.Bytes - plan.Gradients - plan.Optimizer - plan.Others.Sum(share => share.Bytes)) * 0.95 / Mebibyte;
        throw new InsufficientMemoryException(string.Create(CultureInfo.InvariantCulture,
            $"Training {model.Name} does not fit: beside its parameters ({Text(plan.Parameters)}) it needs {Text(needed)}, and {Text(left.Bytes)} are free {left.Of}. Activations take {Text(plan.Activations)}, gradients {Text(plan.Gradients)}, the optimizer {Text(plan.Optimizer)}{string.Concat(plan.Others.Select(share => $", {share.Name} {Text(share.Bytes)}"))}. Set {(budget >= 1 ? $"efficiency.checkpoint: {{ budget: {Math.Floor(budget)}MiB }}, or " : "")}a training.batch below {model.Batch} with training.accumulate, or a smaller model."));
    }

    internal static string Text(long bytes) => bytes >= Gibibyte
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / Gibibyte:0.00} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / Mebibyte:0.0} MiB");
}
