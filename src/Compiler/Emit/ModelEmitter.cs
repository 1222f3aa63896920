using ModelCompiler.Compiler.Emit.Inference;
using ModelCompiler.Compiler.Emit.Onnx;
using ModelCompiler.Compiler.Emit.Training;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit;

public static class ModelEmitter
{
    /// <summary>The generated files of a compiled model, one per concern.</summary>
    public static EquatableArray<GeneratedFile> Emit(CompiledModel model, SourceMap map, string @namespace)
    {
        var context = new EmitContext(model, map, @namespace);
        // What is left of a model when its pruned parts are removed is a model of its own.
        if (model.Pruned is { } smaller)
            return Emit(model with { Pruned = null }, map, @namespace).Append(RemovalEmitter.Emit(context)).Concat(Emit(smaller, map, @namespace)).ToEquatableArray();
        var files = EquatableArray.Of(ApiEmitter.Emit(context), ReportEmitter.Emit(context), ParametersEmitter.Emit(context), TrainingEmitter.Emit(context));
        if (model.Teacher is not null) files = files.Append(TeacherEmitter.Emit(context)).ToEquatableArray();
        if (model.Scoring is not null) files = files.Append(ScoringEmitter.Emit(context)).ToEquatableArray();
        if (model.Spec.Training.Meta is not null) files = files.Append(MetaEmitter.Emit(context)).ToEquatableArray();
        if (model.IsRegression || Generation.Obstacle(model.Inference) is not null) return files;
        return files
            .Append(model.Inference.Encoding is null ? InferenceEmitter.Emit(context) : EncoderEmitter.Emit(context))
            .Append(OnnxEmitter.Emit(context)).ToEquatableArray();
    }
}
