namespace ModelCompiler.Runtime;

/// <summary>What training a model needs of its device's memory, planned at build time. All in bytes.</summary>
public sealed record MemoryPlan
{
    /// <summary>The fp32 masters and their copy in the compute type, if there is one.</summary>
    public required long Parameters { get; init; }

    public required long Gradients { get; init; }

    /// <summary>What the optimizer carries from step to step.</summary>
    public required long Optimizer { get; init; }

    /// <summary>The arena of all activations; less than its parts together, for they are not all needed at once.</summary>
    public required long Activations { get; init; }

    /// <summary>What directives hold besides: averaged weights, a teacher, and the like.</summary>
    public IReadOnlyList<MemoryShare> Others { get; init; } = [];

    /// <summary>Operations of a step, forward and backward, a repeated block counting as one.</summary>
    public required int Operations { get; init; }

    /// <summary>The first operation of the backward pass.</summary>
    public required int Backward { get; init; }

    /// <summary>The large parts of the arena.</summary>
    public required IReadOnlyList<MemoryPart> Parts { get; init; }

    /// <summary>Everything together.</summary>
    public long Total => Parameters + Gradients + Optimizer + Activations + Others.Sum(share => share.Bytes);
}

/// <summary>What something holds through all of training.</summary>
/// <param name="Name">Its name in reports.</param>
/// <param name="Bytes">Its size.</param>
public readonly record struct MemoryShare(string Name, long Bytes);

/// <summary>A part of the arena.</summary>
/// <param name="Name">What it holds.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="First">The operation that writes it first.</param>
/// <param name="Last">The last operation that needs it.</param>
public readonly record struct MemoryPart(string Name, long Bytes, int First, int Last);
