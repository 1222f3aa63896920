using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>Where a name was given to a model.</summary>
public sealed record ModelPlace(string Name, string Path, int Line)
{
    public override string ToString() => FormattableString.Invariant($"{Path}({Line})");
}

internal static class ModelPlaces
{
    /// <summary>The places of the names that are there more than once; names differ when their files on any disk would.</summary>
    public static EquatableArray<ModelPlace> Clashing(IEnumerable<ModelPlace> places) =>
        places
            .GroupBy(place => place.Name, StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Count() > 1)
            .SelectMany(group => group)
            .ToEquatableArray();
}
