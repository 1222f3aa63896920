using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>Where a value lies: bytes from the start of its frame.</summary>
public sealed record Placement(string Value, long Offset, long Bytes);

/// <summary>
/// The arena of a repeated block. Layer i of segment s uses slot i − start(s). Offsets of placements are relative to a
/// slot (saved) or to the scratch; the others are relative to the arena.
/// </summary>
/// <param name="InPlace">Values of the backward function that lie where the gradient comes in, the one that goes out among them; none where it has two buffers.</param>
public sealed record BlockMemory(
    string Block,
    EquatableArray<Placement> Saved,
    long SavedOffset,
    long SlotBytes,
    int Slots,
    EquatableArray<Placement> Forward,
    EquatableArray<Placement> Backward,
    long ScratchOffset,
    long ScratchBytes,
    long InteriorOffset,
    long BoundaryOffset,
    long GradientOffset,
    long CarryBytes,
    EquatableArray<string> InPlace);

/// <summary>What a part of the arena holds, and between which nodes of main it is needed. Scratch that is needed twice is two parts of one name.</summary>
public sealed record MemoryPart(string Name, long Bytes, int First, int Last);

/// <summary>All activations of a training step in one arena, at offsets fixed at build time.</summary>
public sealed record MemoryPlan(
    EquatableArray<Placement> Main, EquatableArray<BlockMemory> Blocks, long Bytes, EquatableArray<MemoryPart> Parts)
{
    /// <summary>The names and bytes of the largest buffers.</summary>
    public IEnumerable<MemoryPart> Largest(int count) =>
        Parts.GroupBy(p => p.Name).Select(g => g.First()).OrderByDescending(p => p.Bytes).ThenBy(p => p.Name, StringComparer.Ordinal).Take(count);
}
