namespace ModelCompiler.Runtime.Data.Curricula;

/// <summary>What a curriculum shows of itself: how far it is, and what it has done.</summary>
internal interface ICurriculum
{
    /// <summary>The name of the number that it changes, in kebab-case.</summary>
    string Metric { get; }

    /// <summary>That number in a batch.</summary>
    double At(long batch);

    /// <summary>What it did in the batches up to one.</summary>
    (string Name, string Value) FactUpTo(long batch);

    /// <summary>A digest of all that its batches follow from beside text, declaration and seed.</summary>
    string Digest();
}
