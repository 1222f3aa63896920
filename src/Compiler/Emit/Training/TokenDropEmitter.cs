using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What <c>efficiency.token-drop</c> adds to the program: a step for each number of tokens, and its choice. Nothing without the directive.</summary>
internal static class TokenDropEmitter
{
    public static void Field(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (TokenDropSpec.Resolve(context.Model.Spec) is { } drop)
            writer.Line($"private readonly TokenDrop _tokens = new(steps: {Number(drop.Steps!.Value)}, kept: [{string.Join(", ", steps.Kept.Select(k => Number(k)))}]);  // {context.Place("efficiency.token-drop")}");
    }

    /// <summary>The step that sees all tokens.</summary>
    public static string Whole(Steps steps) => $"_steps[{Number(steps.Kept.Count - 1)}]";

    /// <summary>The step that the schedule is at.</summary>
    public const string Scheduled = "StepOf(_tokens.Next(StepNumber))";

    public static void Members(SourceWriter writer, Steps steps)
    {
        if (!steps.DropsTokens) return;
        writer.Line().Line("/// <summary>The step whose middle layers see this many tokens of each sequence.</summary>");
        using (writer.Block("private TrainingStep StepOf(int kept) => kept switch", ";"))
        {
            for (var i = 0; i < steps.Kept.Count - 1; i++) writer.Line($"{Number(steps.Kept[i])} => _steps[{Number(i)}],");
            writer.Line($"_ => {Whole(steps)},");
        }
        writer.Line().Lines(
            "public void Report(StepMetrics metrics) => _tokens.Report(metrics);", "",
            "public IEnumerable<(string Name, string Value)> Facts() => _tokens.Facts();");
    }
}
