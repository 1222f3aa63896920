namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo PruningForm = Error(
        "MC2140", "How much is pruned", "Pruning has one of a share of the weights, a pattern, and sizes.");

    public static readonly DiagnosticInfo PruningPattern = Error(
        "MC2141", "Pattern of pruned weights", "Of every M neighbours in a row N are kept, and M divides the row.");

    public static readonly DiagnosticInfo PruningSteps = Error(
        "MC2142", "Steps of a pruning schedule", "Weights are removed within the steps of training, in order.");

    public static readonly DiagnosticInfo PruningAndAdapt = Error(
        "MC2143", "Pruning beside adapters", "Adapters freeze the weights that are to be pruned, and would fill the gaps when they are merged.");

    public static readonly DiagnosticInfo PruningInputs = Error(
        "MC2144", "Inputs of pruned layers", "The method needs the inputs of layers, which it cannot have here.");

    public static readonly DiagnosticInfo PruningRewind = Error(
        "MC2145", "Rewinding what the method has changed", "SparseGPT changes the weights that remain, and a rewind would undo it.");

    public static readonly DiagnosticInfo PruningSizes = Error(
        "MC2146", "Sizes of a pruned model", "Parts are removed down to fewer than the model has, and whole groups of heads or layers at a time.");

    public static readonly DiagnosticInfo PruningParts = Error(
        "MC2147", "Parts that cannot be removed", "Without such parts the model would be another one, or the parts are not its own.");

    public static readonly DiagnosticInfo PruningGroup = Warning(
        "MC2148", "Quantization groups of a pruned size", "The last group of each row is shorter, and filled up with zeros.");

    public static readonly DiagnosticInfo PatternWithoutTuning = Warning(
        "MC2201", "Pattern without tuning", "Hardly any training follows the last removal of a pattern.");

    public static readonly DiagnosticInfo PruningTarget = Error(
        "MC3020", "Unknown layer in pruning", "A pattern of layers matches none of the model's linear layers, or no layer that can be pruned.");
}
