namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo GlobalWithoutWindow = Error(
        "MC2060", "global-every without window", "Blocks that see everything differ only from blocks with a window.");

    public static readonly DiagnosticInfo GlobalBeyondLayers = Error(
        "MC2061", "global-every beyond the layers", "A group of local blocks and a global one must fit the model.");

    public static readonly DiagnosticInfo RopeScalingRamp = Error(
        "MC2062", "Ends of a rope scaling's ramp", "Frequencies are blended between a lower and a higher number of turns.");

    public static readonly DiagnosticInfo ExpertsTopK = Error(
        "MC2063", "More choices than experts", "A position goes to each of its experts once.");

    public static readonly DiagnosticInfo LatentConflict = Error(
        "MC2190", "Latent attention and keys of plain attention",
        "Latent attention makes the keys and values of all heads of one latent vector, and has rotated columns for positions.");

    public static readonly DiagnosticInfo LatentRopeWidth = Error(
        "MC2191", "Odd width of rotated columns", "Rotary positions turn pairs of columns.");
}
