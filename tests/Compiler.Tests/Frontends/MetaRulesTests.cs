using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>Directives that do not go with meta-learning, and those that do.</summary>
public sealed class MetaRulesTests
{
    private static readonly ModelSpec s_model = Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 },
        Training = Models.Gpt2.Training with { Meta = new() { Method = MetaMethod.Maml } },
    };

    public static TheoryData<string> Refused => ["accumulate", "curriculum", "subset", "token-drop", "adapt", "pruning", "fp16", "bf16", "checkpoint", "dropout", "experts", "objective"];

    [Theory]
    [MemberData(nameof(Refused))]
    public void Is_refused_with_its_reason(string directive)
    {
        var diagnostic = Assert.Single(SpecValidator.Validate(With(s_model, directive)), d => d.Id == DiagnosticCatalog.MetaAndDirective.Id);
        Assert.EndsWith("; remove it, or 'meta'", diagnostic.Message);
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("checkpoint")]
    [InlineData("ema")]
    public void Goes_with_first_order(string directive)
    {
        var model = With(s_model, directive);
        model = model with { Training = model.Training with { Meta = new() { Method = MetaMethod.Reptile } } };
        Assert.Empty(SpecValidator.Validate(model));
        Assert.NotNull(ModelCompilation.Compile(model).Model);
    }

    /// <summary>Encoders tie their head unless they say otherwise.</summary>
    [Theory]
    [InlineData(Family.Decoder, null, false)]
    [InlineData(Family.Decoder, true, true)]
    [InlineData(Family.Encoder, null, true)]
    [InlineData(Family.Encoder, false, false)]
    [InlineData(Family.Albert, null, true)]
    public void Anil_needs_a_head_of_its_own(Family family, bool? tied, bool refused)
    {
        var model = s_model with
        {
            Architecture = s_model.Architecture with { Family = family, TieEmbeddings = tied },
            Training = s_model.Training with { Objective = new() { Kind = ObjectiveKind.Causal }, Meta = new() { Method = MetaMethod.Anil } },
        };
        Assert.Equal(refused, SpecValidator.Validate(model).Any(diagnostic => diagnostic.Id == DiagnosticCatalog.MetaHead.Id));
    }

    private static ModelSpec With(ModelSpec model, string directive) => directive switch
    {
        "accumulate" => model with { Training = model.Training with { Accumulate = 2 } },
        "curriculum" => model with { Training = model.Training with { Curriculum = new() { From = 2 } } },
        "subset" => model with { Training = model.Training with { Subset = new() { Method = SubsetMethod.Random } } },
        "ema" => model with { Training = model.Training with { Ema = new() } },
        "objective" => model with { Training = model.Training with { Objective = new() { Kind = ObjectiveKind.Masked } } },
        "token-drop" => model with { Efficiency = model.Efficiency with { TokenDrop = new() { From = 2 } } },
        "adapt" => model with { Efficiency = model.Efficiency with { Adapt = new() { Targets = EquatableArray.Of("head") } } },
        "pruning" => model with { Efficiency = model.Efficiency with { Pruning = new() { Method = PruningMethod.Magnitude } } },
        "fp16" => model with { Efficiency = model.Efficiency with { Precision = new() { Compute = Precision.Fp16 } } },
        "bf16" => model.InBf16(),
        "checkpoint" => model.With(new CheckpointSpec { Every = 2 }),
        "dropout" => model with { Architecture = model.Architecture with { Dropout = 0.1 } },
        _ => model with { Architecture = model.Architecture with { Experts = new() { Count = 3 } } },
    };
}
