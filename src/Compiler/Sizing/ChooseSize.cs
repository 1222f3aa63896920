using System.Globalization;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Frontends.Validation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Sizing;

/// <summary>
/// Chooses width, layers and heads for a number of parameters. Depth is counted, not estimated: the model is built with one and
/// with two layers at each width, and its parameters are a line in the number of layers. Among what comes close, the choice is the
/// nearest to a width of 64 for each layer, near which the loss changes little (Kaplan et al. 2020, figure 5). What is given beside
/// the target is kept.
/// </summary>
internal static class ChooseSize
{
    /// <summary>How far from the target a choice may be, as a share of it.</summary>
    public const double Tolerance = 0.05;

    /// <summary>Width for each layer that is aimed at, and its bounds.</summary>
    private const double Aspect = 64, LeastAspect = 8, MostAspect = 512;

    /// <summary>A choice that is one percent off the target is as bad as an aspect ratio that is ten percent off.</summary>
    private const double Precision = 10;

    private const int MostLayers = 1024, MostWidth = 65_536, HeadSize = 64, NarrowHeadSize = 32, NarrowWidth = 256, ProbedLayers = 64;

    private sealed record Candidate(int Width, int Layers, int Heads, long Parameters)
    {
        public double Error(double target) => Math.Abs((Parameters / target) - 1);

        public double Score(double target) =>
            Math.Abs(Math.Log(Width / (double)Layers / Aspect)) + (Precision * Math.Abs(Math.Log(Parameters / target)));
    }

    /// <returns>The spec with the choice in place of its size, or what is wrong.</returns>
    public static (ModelSpec Spec, SizeChoice? Choice, EquatableArray<Diagnostic> Problems) Run(ModelSpec spec)
    {
        var size = spec.Architecture.Size!;
        var invalid = default(EquatableArray<Diagnostic>);
        var candidates = Candidates(spec, problems => invalid = problems).ToList();
        if (candidates.Count == 0 && invalid.Count > 0) return (spec, null, invalid);
        var best = candidates.Where(c => c.Error(size.Target) <= Tolerance).OrderBy(c => c.Score(size.Target)).FirstOrDefault();
        return best is null
            ? (spec, null, EquatableArray.Of(Unreachable(spec.Architecture, size, candidates.OrderBy(c => c.Error(size.Target)).FirstOrDefault())))
            : (With(spec, best.Width, best.Layers, best.Heads), new SizeChoice(size, best.Width, best.Layers, best.Heads), default);
    }

    /// <param name="spec">What is declared.</param>
    /// <param name="refuse">Is given what is wrong with the declaration at a width.</param>
    private static IEnumerable<Candidate> Candidates(ModelSpec spec, Action<EquatableArray<Diagnostic>> refuse)
    {
        var (a, target) = (spec.Architecture, spec.Architecture.Size!.Target);
        var step = (a.Share?.Groups ?? 1) * (a.GlobalEvery ?? 1);
        foreach (var width in a.Width > 0 ? [a.Width] : Widths())
        {
            if (Heads(a, width) is not { } heads) continue;
            // Deep enough for whatever else speaks of layers: their number is not chosen yet.
            var diagnostics = SpecValidator.Validate(With(spec, width, a.Layers ?? (step * ProbedLayers), heads));
            if (diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error))
            {
                refuse(diagnostics);
                continue;
            }

            var (one, two) = (Count(With(spec, width, step, heads)), Count(With(spec, width, 2 * step, heads)));
            foreach (var layers in a.Layers is { } given ? [given] : Depths(target, width, step, one, two))
                yield return new(width, layers, heads, one + ((two - one) * (layers - step) / step));
            // Wider models only have more parameters.
            if (one > 2 * target) yield break;
        }
    }

    /// <summary>The numbers of layers on both sides of the target; where layers share all parameters, the one of the aimed aspect ratio.</summary>
    private static IEnumerable<int> Depths(double target, int width, int step, long one, long two)
    {
        var groups = two > one ? 1 + ((target - one) / (two - one)) : width / Aspect / step;
        return new[] { (int)Math.Floor(Math.Min(groups, MostLayers)), (int)Math.Ceiling(Math.Min(groups, MostLayers)) }.Distinct()
            .Select(g => Math.Max(1, g) * step)
            .Where(layers => layers <= MostLayers && width / (double)layers is >= LeastAspect and <= MostAspect);
    }

    /// <summary>Multiples of 64, of 32 for narrow models, and coarser ones for wide ones.</summary>
    private static IEnumerable<int> Widths()
    {
        for (var width = 32; width <= MostWidth; width += width < 256 ? 32 : width < 1024 ? 64 : width < 4096 ? 128 : 256) yield return width;
    }

    /// <summary>The given heads where they fit; else heads of 64, of 32 in narrow models. Null where none fit.</summary>
    private static int? Heads(ArchitectureSpec a, int width)
    {
        int[] choices = a.Heads is { } given ? [given]
            : a.HeadSize is { } size ? [Math.Max(1, width / size)]
            : width < NarrowWidth ? [width / NarrowHeadSize]
            : [width / HeadSize, width / NarrowHeadSize];
        foreach (var heads in choices)
        {
            var attention = new AttentionLayer
            {
                Heads = heads, KvHeads = a.KvHeads, HeadSize = a.HeadSize,
                Position = a.Position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
            };
            if (!AttentionRules.Check(attention, width, "").Any()) return heads;
        }
        return null;
    }

    private static ModelSpec With(ModelSpec spec, int width, int layers, int heads) =>
        spec with { Architecture = spec.Architecture with { Width = width, Layers = layers, Heads = heads, Size = null } };

    /// <summary>Exactly the parameters that the compiled model will have.</summary>
    private static long Count(ModelSpec spec) =>
        ParameterLayout.Of(new ShareParameters().Run(new InferShapes().Run(GraphBuilder.Build(spec), spec), spec)).Count;

    private static Diagnostic Unreachable(ArchitectureSpec a, SizeSpec size, Candidate? nearest)
    {
        var fixedKeys = string.Join(", ", new[] { ("width", a.Width > 0), ("layers", a.Layers is not null), ("heads", a.Heads is not null), ("kv-heads", a.KvHeads is not null) }
            .Where(key => key.Item2).Select(key => $"'{key.Item1}'"));
        var beside = fixedKeys.Length == 0 ? "" : $" beside the given {fixedKeys}";
        var target = new Count(Math.Max(1, Math.Round(size.Target)));
        return DiagnosticCatalog.SizeUnreachable.At("architecture.size", nearest is null
            ? $"no width and number of heads fit together{beside}; remove one of them"
            : $"no model comes within 5 % of {target} parameters{beside}; the nearest has {nearest.Parameters.ToString("#,0", CultureInfo.InvariantCulture)}, "
                + $"of width {nearest.Width} in {nearest.Layers} layers: aim at that, or change the vocabulary or what is given");
    }
}
