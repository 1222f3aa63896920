namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo RelativeWidth = Error(
        "MC2075", "Odd width with relative attention", "Distances are encoded as pairs of a sine and a cosine, so the width must be even.");

    public static readonly DiagnosticInfo SameLengthMemory = Error(
        "MC2076", "Same length without memory", "Only with a memory can every position of a segment attend to equally many positions.");

    public static readonly DiagnosticInfo MemoryLengths = Error(
        "MC2077", "Memories of different length", "All layers of a model remember the same positions.");

    public static readonly DiagnosticInfo MemoryAndSubset = Error(
        "MC2078", "Memory and subset", "A memory needs text that continues from batch to batch, and a subset takes it apart.");

    public static readonly DiagnosticInfo MemoryAndCurriculum = Error(
        "MC2079", "Memory and curriculum", "A memory needs text that continues from batch to batch, and a curriculum by difficulty changes its order.");

    public static readonly DiagnosticInfo OtherFamilyKey = Error(
        "MC2080", "Key of another family", "The family has no use for a key of another one.");

    public static readonly DiagnosticInfo RelativeAttentionPlace = Error(
        "MC2081", "Relative attention outside of a block", "Relative attention stands in a repeated block, whose layers keep their caches.");

    public static readonly DiagnosticInfo RelativeAndTokenDrop = Error(
        "MC2082", "Relative attention and token-drop", "Relative attention needs the distance of every two positions, and token-drop leaves positions out.");
}
