using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>
/// How training steps spell their dimensions. A program with one sequence length has them as constants. With several it makes
/// one step of each length over the arena planned for the longest: T is then what a step is constructed with.
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

    /// <summary>The C# expression of N = B·T in the initializers of views.</summary>
    public string Rows => Several ? "B * T" : "N";

    /// <summary>The parameter T of constructors of views, and its argument.</summary>
    public string Parameter => Several ? ", int T" : "";

    public string KeptParameter => DropsTokens ? ", int K" : "";

    public string Argument => Several ? ", T" : "";

    public void Declare(SourceWriter writer)
    {
        if (!Several) writer.Line($"private const int B = {Number(Batch)}, T = {Number(Lengths[0])}, N = B * T;");
        else writer.Lines($"private const int B = {Number(Batch)};", "private readonly int T;");
    }
}
