using CsCheck;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends.Validation;

/// <summary>What the validator lets through, the compiler compiles.</summary>
public class AcceptedSpecsTests
{
    private const int Width = 8;

    private static readonly int s_cases = Environment.GetEnvironmentVariable("MODELCOMPILER_NIGHTLY") == "1" ? 5_000 : 300;

    private static readonly Gen<string?> s_name = Gen.Frequency(
        (8, Gen.Const((string?)null)),
        (1, Gen.OneOf<string?>("main", "x", "head", "norm", "norm1", "class", "this", "blocks", "blocks-backward", "weight", "logits", "loss", "d-x")));

    private static readonly Gen<PositionKind> s_attentionPosition = Gen.OneOf(PositionKind.Rope, PositionKind.None);

    private static readonly Gen<LayerSpec> s_leaf = Gen.OneOf<LayerSpec>(
        Gen.Select(s_name, Gen.Enum<NormKind>(), (name, kind) => (LayerSpec)new NormLayer { Name = name, Kind = kind }),
        Gen.Select(s_name, Gen.OneOf(1, 2, 4), Gen.OneOf(1, 2), s_attentionPosition, Gen.Bool, Gen.Bool, (name, heads, kv, position, norm, bias) =>
            (LayerSpec)new AttentionLayer { Name = name, Heads = heads, KvHeads = kv, Position = position, QkNorm = norm, Bias = bias }),
        Gen.Select(s_name, Gen.Enum<MlpKind>(), Gen.Bool, (name, kind, bias) => (LayerSpec)new MlpLayer { Name = name, Kind = kind, Bias = bias }),
        Gen.Select(s_name, Gen.Enum<MlpKind>(), Gen.Int[1, 3], Gen.Bool, (name, kind, topK, limited) =>
            (LayerSpec)new ExpertsLayer { Name = name, Kind = kind, Count = 2, TopK = topK, Capacity = limited ? 1.5 : null }),
        Gen.Select(s_name, Gen.OneOf(2, 5), Gen.Bool, (name, kernel, bias) => (LayerSpec)new ConvolutionLayer { Name = name, Kernel = kernel, Bias = bias }),
        Gen.Select(s_name, Gen.Enum<ActivationKind>(), (name, kind) => (LayerSpec)new ActivationLayer { Name = name, Kind = kind }),
        Gen.Select(s_name, Gen.OneOf(0, 0.5), (name, rate) => (LayerSpec)new DropoutLayer { Name = name, Rate = rate }),
        Gen.Select(s_name, Gen.OneOf(Width, 2 * Width), Gen.Bool, (name, width, bias) => (LayerSpec)new LinearLayer { Name = name, Out = width, Bias = bias }));

    private static readonly Gen<(CurriculumSpec?, SubsetSpec?)> s_data = Gen.OneOf<(CurriculumSpec?, SubsetSpec?)>(
        Gen.Const(((CurriculumSpec?)null, (SubsetSpec?)null)),
        Gen.Select(Gen.Int[1, 5], Gen.Enum<SubsetMethod>(), (from, method) =>
            ((CurriculumSpec?)new CurriculumSpec { From = from, Multiple = 1 }, (SubsetSpec?)new SubsetSpec { Method = method, Holdout = "Small" })),
        Gen.Enum<DifficultyMetric>().Select(metric => ((CurriculumSpec?)new CurriculumSpec { Metric = metric, Model = "Small" }, (SubsetSpec?)null)));

    private static readonly Gen<ModelSpec> s_model = Gen.Select(
        Layers(depth: 2), Gen.Enum<PositionKind>(), Gen.Bool, Gen.Enum<Precision>(), Gen.Int[0, 3], Gen.Enum<OptimizerKind>(), s_data,
        (layers, position, tie, precision, every, optimizer, data) => new ModelSpec
        {
            Model = "M",
            Architecture = new ArchitectureSpec
            {
                Vocabulary = 256,
                Context = 4,
                Width = Width,
                Blocks = new LayerSpec[] { new EmbeddingLayer { Position = position } }
                    .Concat(layers)
                    .Append(new HeadLayer { TieEmbeddings = tie })
                    .ToEquatableArray(),
            },
            Efficiency = new EfficiencySpec
            {
                Precision = new PrecisionSpec { Compute = precision },
                Checkpoint = every > 0 ? new CheckpointSpec { Every = every } : null,
            },
            Training = new TrainingSpec { Optimizer = new OptimizerSpec { Kind = optimizer }, Curriculum = data.Item1, Subset = data.Item2 },
        });

    [Fact]
    public void Accepted_models_compile_and_are_written()
    {
        var accepted = 0;
        s_model.Sample(
            spec =>
            {
                if (SpecValidator.Validate(spec).Any(d => d.Severity == DiagnosticSeverity.Error)) return;
                Interlocked.Increment(ref accepted);
                var result = ModelCompilation.Compile(spec);
                Assert.NotNull(result.Model);
                Assert.NotEmpty(ModelEmitter.Emit(result.Model, new SourceMap("m.yaml", []), "N"));
            },
            iter: s_cases);
        Assert.True(accepted > s_cases / 10, $"only {accepted} of {s_cases} models were accepted");
    }

    private static Gen<LayerSpec[]> Layers(int depth)
    {
        if (depth == 0) return s_leaf.Array[1, 3];
        // A body ends with a linear layer back to the width, so that most models are accepted.
        var body = Layers(depth - 1).Select(layers => layers.Append(new LinearLayer { Out = Width }).ToEquatableArray());
        return Gen.Frequency(
            (3, s_leaf),
            (2, Gen.Select(s_name, body, (name, layers) => (LayerSpec)new ResidualLayer { Name = name, Layers = layers })),
            (2, Gen.Select(s_name, Gen.Int[1, 5], body, (name, times, layers) =>
                (LayerSpec)new RepeatLayer { Name = name ?? "blocks", Times = times, Layers = layers })),
            (1, Gen.Select(s_name, body, body, (name, left, right) => (LayerSpec)new AddLayer { Name = name, Left = left, Right = right })),
            (1, Gen.Select(s_name, body, body, (name, left, right) => (LayerSpec)new MultiplyLayer { Name = name, Left = left, Right = right })))
            .Array[1, 3];
    }
}
