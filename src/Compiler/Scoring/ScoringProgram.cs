using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Scoring;

/// <summary>A model's own forward pass in another precision, by which the samples of its subset are judged.</summary>
/// <param name="Model">The model in that precision; its graphs are the forward pass, whose main returns the losses of sequences, or their errors.</param>
/// <param name="Plan">Where its values lie: in the arena of training, between whose steps it runs.</param>
public sealed record ScoringProgram(CompiledModel Model, ForwardPlan Plan)
{
    public long ArenaBytes => Plan.ScratchBytes + Plan.KeptBytes;

    /// <summary>Bytes of the weights as it reads them.</summary>
    public long WeightBytes => Model.Layout.Bytes;
}
