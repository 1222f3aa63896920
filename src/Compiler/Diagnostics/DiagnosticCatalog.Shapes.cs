namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo HeadsWidth = Error(
        "MC2001", "Heads do not divide the width", "Attention splits the width evenly among its heads.");

    public static readonly DiagnosticInfo KvHeads = Error(
        "MC2002", "kv-heads do not divide heads", "Each key and value head serves equally many query heads.");

    public static readonly DiagnosticInfo RopeHeadSize = Error(
        "MC2003", "Odd head size with rope", "Rotary embedding rotates pairs, so a head's size must be even.");

    public static readonly DiagnosticInfo FamilyOrBlocks = Error(
        "MC2004", "Family or blocks", "An architecture is either a family or blocks.");

    public static readonly DiagnosticInfo FamilyKey = Error(
        "MC2005", "Family key beside blocks", "A key that only a family understands stands beside blocks.");

    public static readonly DiagnosticInfo FamilyNeedsKey = Error(
        "MC2006", "Family key missing", "The family needs a key that is not given.");

    public static readonly DiagnosticInfo TiedHeadWidth = Error(
        "MC2008", "Width at a tied head", "A head that uses the embedding matrix needs the embedding's width.");

    public static readonly DiagnosticInfo FirstLayer = Error(
        "MC2009", "First layer is not embedding", "A model begins with its embedding.");

    public static readonly DiagnosticInfo LastLayer = Error(
        "MC2010", "Last layer is not head", "A model ends with its head, or with its classifier.");

    public static readonly DiagnosticInfo MisplacedLayer = Error(
        "MC2011", "Misplaced embedding or head", "A model has one embedding, its first layer, and one head, its last.");

    public static readonly DiagnosticInfo BodyWidth = Error(
        "MC2012", "Body changes the width", "The body of a repeat or a residual must give back the width that it takes.");

    public static readonly DiagnosticInfo BranchWidth = Error(
        "MC2013", "Branches of different width", "The branches of a multiply must have the same width.");

    public static readonly DiagnosticInfo LayerPosition = Error(
        "MC2014", "Position at the wrong layer", "Learned positions belong to the embedding, rotary ones to attention.");

    public static readonly DiagnosticInfo RmsBias = Error(
        "MC2015", "Bias on RMS norm", "RMS normalization has a scale but no shift.");

    public static readonly DiagnosticInfo TokenizerVocabulary = Error(
        "MC2016", "Tokenizer and vocabulary disagree", "The vocabulary's size does not fit the tokenizer.");

    public static readonly DiagnosticInfo MasterPrecision = Error(
        "MC2017", "Master weights not fp32", "The weights that the optimizer updates are fp32.");

    public static readonly DiagnosticInfo CheckpointForm = Error(
        "MC2018", "Checkpoint form", "A checkpoint is given in exactly one way.");

    public static readonly DiagnosticInfo UnknownBoundary = Error(
        "MC2019", "Unknown boundary", "A checkpoint boundary names a block that the model does not have.");

    public static readonly DiagnosticInfo BoundaryOrder = Error(
        "MC2020", "Boundaries not increasing", "Checkpoint boundaries are given in the order of the blocks, each once.");

    public static readonly DiagnosticInfo CheckpointEvery = Warning(
        "MC2021", "Checkpoint saves nothing", "No segment begins within the blocks, so nothing is recomputed.");

    public static readonly DiagnosticInfo WarmupSteps = Error(
        "MC2022", "Warm-up longer than training", "The warm-up has more steps than the training.");

    public static readonly DiagnosticInfo TwoPositions = Warning(
        "MC2023", "Learned and rotary positions", "The model has learned and rotary positions at once.");

    public static readonly DiagnosticInfo NestedRepeat = Error(
        "MC2024", "Repeat within a repeat", "The layers of a repeat are a block, and a block holds no blocks.");

    public static readonly DiagnosticInfo CoolDownSteps = Error(
        "MC2025", "Warm-up and cool-down longer than training", "The learning rate rises and falls in more steps than the training has.");

    public static readonly DiagnosticInfo ValidateEvery = Warning(
        "MC2026", "No validation before the end", "The steps between two validations are more than those of the training.");

    public static readonly DiagnosticInfo EarlyStopValidation = Error(
        "MC2027", "Early stop without validation", "A run stops early by its validation loss, but no text is held out.");

    public static readonly DiagnosticInfo CheckpointsEvery = Warning(
        "MC2055", "No checkpoint before the end", "The steps between two checkpoints are more than those of the training.");
}
