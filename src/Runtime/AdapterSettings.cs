using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime;

/// <summary>What a model that declares <c>adapt</c> says of its adapters and of the frozen model under them.</summary>
public sealed record AdapterSettings
{
    /// <summary>What the adapters' result is multiplied by: alpha / rank.</summary>
    public required double Scale { get; init; }

    /// <summary>The declared checkpoint of the frozen weights; null where the program is told.</summary>
    public string? From { get; init; }

    /// <summary>The layout of the frozen parameters.</summary>
    public required IReadOnlyList<ParameterInfo> Frozen { get; init; }
}
