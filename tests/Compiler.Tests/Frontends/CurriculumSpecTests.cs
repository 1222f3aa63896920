using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

public class CurriculumSpecTests
{
    [Fact]
    public void Without_a_curriculum_over_length_there_is_only_the_context()
    {
        Assert.Equal([256], CurriculumSpec.Lengths(Model(256, null)));
        Assert.Equal([256], CurriculumSpec.Lengths(Model(256, new CurriculumSpec { Metric = DifficultyMetric.Rarity })));
    }

    [Theory]
    [InlineData(256, null, null, null, new[] { 64, 128, 192, 256 })]
    [InlineData(256, 32.0, null, 64, new[] { 32, 96, 160, 224, 256 })]
    [InlineData(256, 64.0, 128.0, null, new[] { 64, 128, 256 })]
    [InlineData(256, 100.0, 100.0, null, new[] { 100, 256 })]
    [InlineData(30, null, null, null, new[] { 7, 14, 21, 28, 30 })]
    [InlineData(1, null, null, null, new[] { 1 })]
    public void Lengths_grow_to_the_context(int context, double? from, double? to, int? multiple, int[] lengths) =>
        Assert.Equal(lengths, CurriculumSpec.Lengths(Model(context, new CurriculumSpec { From = from, To = to, Multiple = multiple })));

    private static ModelSpec Model(int context, CurriculumSpec? curriculum) => new()
    {
        Architecture = new ArchitectureSpec { Context = context },
        Training = new TrainingSpec { Curriculum = curriculum },
    };
}
