using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>A teacher against its student.</summary>
internal static class TeacherRules
{
    /// <exception cref="PassException">They do not fit together.</exception>
    public static void Check(ModelSpec student, ModelSpec teacher)
    {
        if (Reason(student, teacher) is { } reason)
            throw new PassException(DiagnosticCatalog.TeacherFit.At("training.distillation.teacher", reason));
    }

    private static string? Reason(ModelSpec student, ModelSpec teacher)
    {
        var (own, other) = (student.Architecture, teacher.Architecture);
        if (own.Vocabulary != other.Vocabulary || own.Context != other.Context)
            return $"{teacher.Model} has a vocabulary of {other.Vocabulary} and a context of {other.Context}, but {student.Model} {own.Vocabulary} and {own.Context}; give them the same";
        var (data, read) = (student.Training.Data, teacher.Training.Data);
        if (data.Tokenizer != read.Tokenizer || (data.Tokenizer == TokenizerKind.Json && data.TokenizerFile != read.TokenizerFile))
            return $"{teacher.Model} reads tokens of {Tokenizer(read)}, but {student.Model} of {Tokenizer(data)}; give them the same in training.data";
        var (predicts, taught) = (ObjectiveSpec.Resolve(student).Kind, ObjectiveSpec.Resolve(teacher).Kind);
        if (predicts != taught)
            return $"{teacher.Model} is trained for '{KebabCase.Of(taught.ToString())}', but {student.Model} for '{KebabCase.Of(predicts.ToString())}'; give them the same 'objective'";
        if (FamilyLayers.Of(teacher)[0] is EmbeddingLayer { TokenTypes: not null } && FamilyLayers.Of(student)[0] is not EmbeddingLayer { TokenTypes: not null })
            return $"{teacher.Model} reads token types, which {student.Model} has not; give it 'token-types' too";
        if (teacher.Efficiency.Adapt is not null)
            return $"{teacher.Model} declares adapters, not a model; merge them with the command 'merge', and name the model that they are from";
        return MemoryLengths.Of(teacher).Largest > 0
            ? $"{teacher.Model} remembers earlier segments, which the batches of {student.Model} do not give it; take a teacher without memory"
            : null;
    }

    private static string Tokenizer(DataSpec data) => data.Tokenizer == TokenizerKind.Json ? $"'{data.TokenizerFile}'" : $"'tokenizer: {KebabCase.Of(data.Tokenizer.ToString())}'";
}
