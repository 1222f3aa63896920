using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Validation;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Finds what one key alone cannot tell: shapes that do not fit, and keys that contradict each other.</summary>
public static class SpecValidator
{
    public static EquatableArray<Diagnostic> Validate(ModelSpec model) =>
        NameRules.Check(model)
            .Concat(ArchitectureRules.Check(model.Architecture))
            .Concat(EfficiencyRules.Check(model))
            .Concat(QuantizationRules.Check(model))
            .Concat(TokenDropRules.Check(model))
            .Concat(PruningRules.Check(model))
            .Concat(SpeculateRules.Check(model))
            .Concat(TrainingRules.Check(model))
            .Concat(ObjectiveRules.Check(model))
            .Concat(SpecialTokenRules.Check(model))
            .Concat(CurriculumRules.Check(model))
            .Concat(SubsetRules.Check(model))
            .Concat(MemoryRules.Check(model))
            .Concat(ExportRules.Check(model))
            .Concat(DistillationRules.Check(model))
            .Concat(MetaRules.Check(model))
            .ToEquatableArray();
}
