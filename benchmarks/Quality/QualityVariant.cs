using System.Globalization;
using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>A variant of model Q in a run of a share of the steps: <c>muon</c>, or <c>muon@0.7</c>.</summary>
/// <param name="Name">As it was written.</param>
/// <param name="Share">Share of the baseline's steps.</param>
/// <param name="Create">Makes the model, freshly initialized.</param>
internal sealed record QualityVariant(string Name, double Share, Func<int, ICompiledModel> Create)
{
    /// <summary>What the others are compared with.</summary>
    public const string Baseline = "baseline";

    public static readonly (string Name, Func<int, ICompiledModel> Create)[] All =
    [
        (Baseline, seed => ModelQ.Create(CPU, seed)),
        ("fp32", seed => ModelQFp32.Create(CPU, seed)),
        ("infobatch", seed => ModelQInfobatch.Create(CPU, seed)),
        ("length", seed => ModelQLength.Create(CPU, seed)),
        ("token-drop", seed => ModelQTokenDrop.Create(CPU, seed)),
        ("muon", seed => ModelQMuon.Create(CPU, seed)),
        ("all", seed => ModelQAll.Create(CPU, seed)),
        ("combined", seed => ModelQCombined.Create(CPU, seed)),
    ];

    /// <exception cref="ArgumentException">There is no such variant.</exception>
    public static QualityVariant Parse(string text)
    {
        var parts = text.Split('@');
        var share = 1.0;
        if (All.FirstOrDefault(variant => variant.Name == parts[0]).Create is not { } create
            || parts.Length > 2
            || (parts.Length == 2 && !(double.TryParse(parts[1], CultureInfo.InvariantCulture, out share) && share is > 0 and <= 2)))
        {
            throw new ArgumentException($"'{text}' is no variant: write {string.Join(", ", All.Select(variant => variant.Name))}, with a share of the steps as in muon@0.7.");
        }

        return new QualityVariant(text, share, create);
    }
}
