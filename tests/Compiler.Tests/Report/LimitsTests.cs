using ModelCompiler.Compiler.Report;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Report;

public class LimitsTests
{
    private static readonly ModelSpec Spec = Models.Llama with { Architecture = Models.Llama.Architecture with { Vocabulary = 256 } };

    private static readonly CostReport Costs = CostReportTests.Costs(Spec);

    [Fact]
    public void A_model_at_its_limits_is_compiled()
    {
        var limits = new LimitsSpec
        {
            Parameters = new(Costs.Parameters), FlopsPerToken = new(Costs.ForwardFlops),
            Memory = new(Costs.TrainingBytes), KvCachePerToken = new(Costs.KvCacheBytes),
        };
        Assert.NotNull(ModelCompilation.Compile(Spec with { Limits = limits }).Model);
    }

    [Fact]
    public void Each_limit_is_compared_with_its_figure()
    {
        Check(new() { Parameters = new(Costs.Parameters - 1) }, "limits.parameters", "embedding 2,048 (");
        Check(new() { FlopsPerToken = new(Costs.ForwardFlops - 1) }, "limits.flops-per-token", "head 4.1K (");
        Check(new() { Memory = new(Costs.TrainingBytes - 1) }, "limits.memory", "optimizer state ");
        Check(new() { KvCachePerToken = new(Costs.KvCacheBytes - 1) }, "limits.kv-cache-per-token", "blocks.*.attention 96B (100 %)");
    }

    [Fact]
    public void What_directives_hold_is_among_the_contributors()
    {
        var spec = Spec with { Training = Spec.Training with { Ema = new() }, Limits = new() { Memory = new(1) } };
        var costs = CostReportTests.Costs(spec with { Limits = new() });
        Assert.Equal(costs.TrainingBytes, costs.WeightBytes + costs.CopyBytes + costs.GradientBytes + costs.OptimizerBytes + costs.ActivationBytes + costs.AverageBytes);
        var message = Assert.Single(ModelCompilation.Compile(Spec with
        {
            Training = Spec.Training with { Meta = new() { Method = MetaMethod.Fomaml } }, Limits = new() { Memory = new(1) },
        }).Diagnostics).Message;
        Assert.Contains("the most is in adaptation ", message);
    }

    private static void Check(LimitsSpec limits, string path, string contributor)
    {
        var result = ModelCompilation.Compile(Spec with { Limits = limits });
        var diagnostic = Assert.Single(result.Diagnostics);
        Assert.Null(result.Model);
        Assert.Equal(("MC3010", path), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains("the most is in " + contributor, diagnostic.Message);
    }
}
