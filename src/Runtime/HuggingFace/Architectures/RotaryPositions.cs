using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>Rotary positions in a configuration: <c>rope_theta</c> beside <c>rope_scaling</c>, or both in <c>rope_parameters</c>.</summary>
internal static class RotaryPositions
{
    private const double DefaultTheta = 10_000;

    /// <summary>The architecture with its rotary positions.</summary>
    public static ArchitectureSpec Read(StrictObject config, ArchitectureSpec architecture)
    {
        var theta = config.OptionalNumber("rope_theta");
        RopeScalingSpec? scaling = null;
        foreach (var key in (string[])["rope_scaling", "rope_parameters"])
        {
            if (config.Section(key) is not { } section)
                continue;
            theta ??= section.OptionalNumber("rope_theta");
            scaling ??= Scaling(section, architecture.Context);
            section.Ignore("type", "rope_type", "rope_theta");
            section.Finish();
        }

        return architecture with { Position = PositionKind.Rope, RopeTheta = theta ?? DefaultTheta, RopeScaling = scaling };
    }

    /// <summary>The keys of an architecture's rotary positions.</summary>
    public static IEnumerable<KeyValuePair<string, JsonNode?>> Write(ArchitectureSpec a)
    {
        yield return new("rope_theta", a.RopeTheta ?? DefaultTheta);
        if (a.RopeScaling is not { } scaling)
            yield break;
        var original = scaling.OriginalContext ?? (int)(a.Context / scaling.Factor);
        yield return new("rope_scaling", scaling.Kind switch
        {
            RopeScalingKind.Linear => new JsonObject { ["rope_type"] = "linear", ["factor"] = scaling.Factor },
            RopeScalingKind.Yarn => new JsonObject
            {
                ["rope_type"] = "yarn", ["factor"] = scaling.Factor, ["original_max_position_embeddings"] = original,
                ["beta_fast"] = scaling.BetaFast, ["beta_slow"] = scaling.BetaSlow, ["attention_factor"] = scaling.AttentionFactor,
            },
            RopeScalingKind.Llama3 => new JsonObject
            {
                ["rope_type"] = "llama3", ["factor"] = scaling.Factor, ["original_max_position_embeddings"] = original,
                ["low_freq_factor"] = scaling.LowFrequencyFactor, ["high_freq_factor"] = scaling.HighFrequencyFactor,
            },
            _ => new JsonObject { ["rope_type"] = "ntk" }, // transformers' scales with the length of each text
        });
    }

    private static RopeScalingSpec? Scaling(StrictObject section, int context)
    {
        var kind = section.Choice(
            section.Has("rope_type") ? "rope_type" : "type", "default",
            ("default", (RopeScalingKind?)null), ("linear", RopeScalingKind.Linear), ("yarn", RopeScalingKind.Yarn), ("llama3", RopeScalingKind.Llama3));
        if (kind is null)
            return null;
        var scaling = new RopeScalingSpec { Kind = kind.Value, Factor = section.OptionalNumber("factor") ?? throw section.Refused("factor", "a number belongs there") };
        if (kind == RopeScalingKind.Linear)
            return scaling;
        scaling = scaling with { OriginalContext = section.OptionalInt("original_max_position_embeddings") ?? context };
        return kind == RopeScalingKind.Yarn
            ? scaling with
            {
                BetaFast = section.OptionalNumber("beta_fast") ?? scaling.BetaFast,
                BetaSlow = section.OptionalNumber("beta_slow") ?? scaling.BetaSlow,
                AttentionFactor = section.OptionalNumber("attention_factor"),
            }
            : scaling with
            {
                LowFrequencyFactor = section.OptionalNumber("low_freq_factor") ?? throw section.Refused("low_freq_factor", "a number belongs there"),
                HighFrequencyFactor = section.OptionalNumber("high_freq_factor") ?? throw section.Refused("high_freq_factor", "a number belongs there"),
            };
    }
}
