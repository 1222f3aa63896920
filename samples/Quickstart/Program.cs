using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Comparison;
using Quickstart;

// All techniques together, compiled twice: bf16 is faster where the processor multiplies it, fp32 elsewhere.
var (baseline, combined) = (Recipe.Of<Baseline>(), Hardware.HasBf16 ? Recipe.Of<TinyLm>() : Recipe.Of<TinyLmFp32>());
return args switch
{
    // The short comparison, about five minutes on two cores.
    [] => ComparisonProgram.Run([], baseline, combined),

    // Each technique by itself, then all together.
    ["compare", .. var options] => ComparisonProgram.Run(
        options, baseline, Recipe.Of<Bf16>(), Recipe.Of<Muon>(), Recipe.Of<LengthWarmup>(), Recipe.Of<GroupedQueries>(), Recipe.Of<MicroBatches>(),
        Recipe.Of<Smaller>(), Recipe.Of<Int4>(), combined),

    // The combined model alone: trained, exported, asked.
    _ => Hardware.HasBf16 ? ModelProgram.Run<TinyLm>(args) : ModelProgram.Run<TinyLmFp32>(args),
};
