using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Scoring;

/// <summary>Compiles the forward pass by which samples are judged, where it has another precision than training.</summary>
internal static class CompileScoring
{
    /// <returns>Null where training's own forward pass judges them, or nothing does.</returns>
    /// <exception cref="PassException">MC3001: it does not fit into the budget of activations.</exception>
    public static ScoringProgram? Run(ModelSpec model)
    {
        if (!SubsetSpec.ScoresApart(model)) return null;
        var subset = model.Training.Subset!;
        var spec = model with
        {
            Efficiency = new() { Precision = new() { Compute = subset.Precision!.Value, Fp32 = model.Efficiency.Precision.Fp32 } },
            Training = new() { Batch = model.Training.Batch, Objective = model.Training.Objective, Data = model.Training.Data, Subset = subset with { Precision = null } },
        };
        var graph = GraphBuilder.Build(spec);
        var result = subset.Method == SubsetMethod.El2n ? GraphBuilder.Errors : GraphBuilder.LossBySequence;
        graph = Pipelines.Run(Pipelines.Scoring, graph with { Main = graph.Main with { Outputs = EquatableArray.Of(result) } }, spec);
        var program = new ScoringProgram(new CompiledModel(spec, graph, graph, graph, ParameterLayout.Of(graph), null), PlanForward.Of(graph, sites: null));
        if (model.Efficiency.Checkpoint?.Budget is { } budget && program.ArenaBytes > budget.Bytes)
            throw new PassException(DiagnosticCatalog.CheckpointBudget.At(
                "efficiency.checkpoint.budget",
                $"the forward pass that scores samples needs {new ByteSize(program.ArenaBytes)}: raise the budget, or lower training.batch or architecture.context"));
        return program;
    }
}
