using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime;

/// <summary>What a compiled model says of itself: the facts of its declaration that the code around it needs.</summary>
public sealed record ModelDescription
{
    /// <summary>The declared name, which is also the name of the generated class.</summary>
    public required string Name { get; init; }

    /// <summary>Number of different tokens, V.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Longest sequence in tokens, T.</summary>
    public required int Context { get; init; }

    /// <summary>Sequences in a training step, B.</summary>
    public required int Batch { get; init; }

    /// <summary>The declared architecture; null for one in the layer language.</summary>
    public ArchitectureSpec? Architecture { get; init; }

    /// <summary>Positions of earlier segments that layers remember in training, M; 0 in models without.</summary>
    public int SegmentMemory { get; init; }

    /// <summary>Parts of a sequence that have vectors of their own, of an encoder with token types; 0 without.</summary>
    public int TokenTypes { get; init; }

    /// <summary>Hash of the forward program: parameters, layers and element types. A checkpoint fits the models that have the same.</summary>
    public required string SpecHash { get; init; }

    /// <summary>What decides what a training step computes and reads, as <c>training.accumulate = 2</c>: a run is continued only under the same.</summary>
    public IReadOnlyList<string> TrainingKeys { get; init; } = [];

    /// <summary>The layout of the flat parameter buffer.</summary>
    public required IReadOnlyList<ParameterInfo> Parameters { get; init; }

    /// <summary>Element type of activations and matrix products; the master weights are fp32 in any case.</summary>
    public Precision Compute { get; init; }

    public required TrainingSettings Training { get; init; }

    /// <summary>What training removes of the parameters; null for nothing.</summary>
    public PruningSpec? Pruning { get; init; }

    /// <summary>The smaller model that is left when pruning has removed whole parts; null where it removes none.</summary>
    public ModelDescription? Pruned { get; init; }

    /// <summary>What is exported and run: the model itself, or the smaller one.</summary>
    public ModelDescription Artifact => Pruned ?? this;

    /// <summary>How an exported model's weights are rounded; null for fp32.</summary>
    public QuantizationSpec? Quantization { get; init; }

    /// <summary>Whether inference programs of the model multiply with packed weights where they are given some.</summary>
    public bool Packs { get; init; }

    /// <summary>Whether those have the bits that <see cref="Quantization"/> says; else they have the pattern 2:4.</summary>
    public bool PacksIntegers => Packs && Quantization is { HasTorchProducts: true };

    /// <summary>Whether an exported model has operators of the ONNX standard alone.</summary>
    public bool OpsetOnly { get; init; }

    /// <summary>The model that proposes tokens to it; null for none.</summary>
    public DraftSettings? Draft { get; init; }

    /// <summary>Adapters and the frozen model under them; null where all parameters are trained.</summary>
    public AdapterSettings? Adapt { get; init; }

    /// <summary>What training needs of the device's memory; null if it is not known.</summary>
    public MemoryPlan? Memory { get; init; }

    /// <summary>Floating-point operations of the forward pass of a whole batch.</summary>
    public long ForwardFlops { get; init; }

    /// <summary>Of the forward pass of a token: of a model with <c>meta</c>, a pass is over one of the two sets of a batch.</summary>
    public long ForwardFlopsPerToken => ForwardFlops / ((long)Batch / (Training.Meta is null ? 1 : 2) * Context);

    /// <summary>Of <see cref="ForwardFlops"/>, what the backward pass does again because of checkpointing.</summary>
    public long RecomputedFlops { get; init; }

    /// <summary>Number of parameters.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Length);
}

/// <summary>The declaration's <c>training</c> section, with every default filled in.</summary>
public sealed record TrainingSettings
{
    /// <summary>Optimizer steps of a run.</summary>
    public required int Steps { get; init; }

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Seed of initialization, data order and dropout.</summary>
    public required int Seed { get; init; }

    /// <summary>Peak learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Steps of linear rise to the peak.</summary>
    public required int Warmup { get; init; }

    /// <summary>Shape of the learning rate after the warm-up.</summary>
    public required DecayKind Decay { get; init; }

    /// <summary>Learning rate at the last step, as a share of the peak.</summary>
    public required double Final { get; init; }

    /// <summary>Share of the run's steps in which <see cref="DecayKind.Wsd"/> cools down.</summary>
    public double DecayShare { get; init; } = 0.2;

    /// <summary>How <see cref="DecayKind.Wsd"/> cools down.</summary>
    public CoolDownKind CoolDown { get; init; }

    /// <summary>Steps between two validations; null for a tenth of the run, from 50 to 1000.</summary>
    public int? ValidateEvery { get; init; }

    /// <summary>Validations without improvement after which the run ends; null for never.</summary>
    public int? Patience { get; init; }

    /// <summary>Nats per token by which a validation loss must be lower to be an improvement.</summary>
    public double MinDelta { get; init; }

    /// <summary>How many of the newest checkpoints are kept.</summary>
    public int KeptCheckpoints { get; init; } = 3;

    /// <summary>Steps between two checkpoints; null for a tenth of the run, from 50 to 1000.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>What the run does when the loss or the gradients of a step are not finite.</summary>
    public NanPolicy OnNan { get; init; }

    /// <summary>A file or folder of text, or <c>sdk-docs</c>.</summary>
    public required string Source { get; init; }

    /// <summary>The text's field in JSONL and its column in Parquet.</summary>
    public required string Field { get; init; }

    /// <summary>The class's field in JSONL, of a model that classifies texts.</summary>
    public string Label { get; init; } = "label";

    /// <summary>What is predicted.</summary>
    public ObjectiveSpec Objective { get; init; } = new() { Kind = ObjectiveKind.Causal };

    /// <summary>The tokens that stand for no text; null in a model that predicts next tokens.</summary>
    public SpecialTokens? SpecialTokens { get; init; }

    /// <summary>Number of classes of a text, of a model that classifies them.</summary>
    public int Classes { get; init; }

    public required TokenizerKind Tokenizer { get; init; }

    /// <summary>The tokenizer.json, where that is the tokenizer.</summary>
    public string TokenizerFile { get; init; } = "";

    /// <summary>Share of the files held out for validation.</summary>
    public required double Validation { get; init; }

    /// <summary>What training begins with; null for all from the first step on.</summary>
    public CurriculumSpec? Curriculum { get; init; }

    /// <summary>How the model learns to adapt to tasks; null where it does not.</summary>
    public MetaSpec? Meta { get; init; }

    /// <summary>Numbers that a regression reads and predicts at each position; zeros in a model of tokens.</summary>
    public (int Read, int Predicted) Numbers { get; init; }

    /// <summary>The class's method with <c>[Tasks]</c>, where meta-learning asks for it.</summary>
    public Func<ITextTokenizer, ITaskSource>? Tasks { get; init; }

    /// <summary>Which samples are trained on; null for all.</summary>
    public SubsetSpec? Subset { get; init; }

    /// <summary>The class's method with <c>[Difficulty]</c>, where the curriculum asks for it.</summary>
    public Func<string, double>? Difficulty { get; init; }

    /// <summary>The class's method with <c>[Pacing]</c>, where the curriculum asks for it.</summary>
    public Func<double, double>? Pacing { get; init; }

    /// <summary>Makes the model that judges samples, where the subset or the curriculum names one.</summary>
    public Func<TorchSharp.torch.Device, ICompiledModel>? ScoringModel { get; init; }
}
