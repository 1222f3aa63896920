using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>
/// How training steps spell their dimensions. A program with one sequence length has them as constants. With several it makes
/// one step of each length over the arena planned for the longest: T is then what a step is constructed with. So is M, the
/// memory of earlier segments, where evaluation has another one than training.
/// </summary>
internal sealed class Steps(ModelSpec spec)
{
    public IReadOnlyList<int> Lengths { get; } = CurriculumSpec.Lengths(spec);

    /// <summary>Under <c>token-drop</c>, the tokens of a sequence that the middle layers see, K: a step is made of each, and constructed with it.</summary>
    public IReadOnlyList<int> Kept { get; } = TokenDropSpec.Kept(spec);

    public bool DropsTokens => Kept.Count > 0;

    public int Batch => spec.Training.Batch;

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulate => spec.Training.Accumulate;

    /// <summary>The value of <c>accumulate</c> for a gradient that nothing of the same pass was added to.</summary>
    public string Accumulates => Accumulate > 1 ? "Again" : "false";

    public bool Several => Lengths.Count > 1;

    public MemoryLengths Memory { get; } = MemoryLengths.Of(spec);

    /// <summary>Whether evaluation has a step of its own.</summary>
    public bool EvaluatesApart => Memory.Training != Memory.Evaluation;

    /// <summary>The C# expression of N = B·T in the initializers of views.</summary>
    public string Rows => Several ? "B * T" : "N";

    /// <summary>The parameters T and M of a step.</summary>
    public string Parameter => Parameters(EvaluatesApart);

    public string KeptParameter => DropsTokens ? ", int K" : "";

    /// <summary>Those of the constructor of these views, and their arguments.</summary>
    public string ParameterOf(IEnumerable<TensorType> views) => Parameters(EvaluatesApart && views.Any(Activations.HasMemory));

    public string ArgumentOf(IEnumerable<TensorType> views) => ParameterOf(views).Replace("int ", "");

    /// <summary>A step over the program's arena, of this length or, under <c>token-drop</c>, of these kept tokens.</summary>
    public string New(int length, int memory) =>
        $"new TrainingStep(this, _arena{(Several || DropsTokens ? $", {Number(length)}" : "")}{(EvaluatesApart ? $", {Number(memory)}" : "")})";

    private string Parameters(bool memory) => (Several ? ", int T" : "") + (memory ? ", int M" : "");

    public void Declare(SourceWriter writer)
    {
        if (!Several) writer.Line($"private const int B = {Number(Batch)}, T = {Number(Lengths[0])}, N = B * T;");
        else writer.Lines($"private const int B = {Number(Batch)};", "private readonly int T;");
        if (EvaluatesApart) writer.Line("private readonly int M;");
        else if (Memory.Training > 0) writer.Line($"private const int M = {Number(Memory.Training)};");
    }
}
