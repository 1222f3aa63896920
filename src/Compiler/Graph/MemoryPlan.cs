using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>Where a value lies: bytes from the start of its frame.</summary>
public sealed record Placement(string Value, long Offset, long Bytes);

/// <summary>
/// The arena of a repeated block. Layer i of segment s uses slot i − start(s). Offsets of placements are relative to a
/// slot (saved) or to the scratch; the others are relative to the arena.
/// </summary>
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
    long CarryBytes);

/// <summary>What a part of the arena holds, and between which nodes of main it is needed.</summary>
public sealed record MemoryPart(string Name, long Bytes, int First, int Last);

/// <summary>All activations of a training step in one arena, at offsets fixed at build time.</summary>
public sealed record MemoryPlan(
    EquatableArray<Placement> Main, EquatableArray<BlockMemory> Blocks, long Bytes, EquatableArray<MemoryPart> Parts);
