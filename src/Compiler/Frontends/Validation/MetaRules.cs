using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Meta-learning against the batch, the data and the other directives.</summary>
internal static class MetaRules
{
    private const string Path = "training.meta";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (MetaSpec.Resolve(model) is not { } meta) return [];
        return CheckBatch(model.Training.Batch, meta).Concat(CheckData(model.Training.Data, meta)).Concat(CheckHead(model.Architecture, meta))
            .Concat(Contradictions(model, meta).Where(c => c.IsGiven).Select(c => DiagnosticCatalog.MetaAndDirective.At(c.At, c.Reason + "; remove it, or 'meta'")));
    }

    private static IEnumerable<Diagnostic> CheckBatch(int batch, MetaSpec meta)
    {
        var largest = Math.Max(meta.Support!.Value, meta.Query!.Value);
        if (largest != batch)
            yield return DiagnosticCatalog.MetaBatch.At(meta.Support > meta.Query ? Path + ".support" : Path + ".query",
                $"a batch holds a task's support set or its query set, but it is {batch} and the larger of them {largest}; write 'batch: {largest}' in training");
    }

    private static IEnumerable<Diagnostic> CheckData(DataSpec data, MetaSpec meta)
    {
        var isSdk = data.Source == new DataSpec().Source;
        if (meta.By is TaskKind.Folder or TaskKind.Field && isSdk)
            yield return DiagnosticCatalog.MetaData.At(Path + ".by", "sdk-docs has neither folders nor fields; write 'by: namespace', or another 'source' in training.data");
        if (meta.By == TaskKind.Namespace && !isSdk)
            yield return DiagnosticCatalog.MetaData.At(Path + ".by", "only sdk-docs has namespaces; write 'by: folder', or 'by: field' for JSONL");
        if (meta.By == TaskKind.Method && data.Tokenizer == TokenizerKind.Bpe)
            yield return DiagnosticCatalog.MetaData.At("training.data.tokenizer", "there is no text to train a tokenizer on where a method gives the tasks; write 'tokenizer: bytes', or 'tokenizer: json'");
    }

    private static IEnumerable<Diagnostic> CheckHead(ArchitectureSpec architecture, MetaSpec meta)
    {
        var isTied = architecture.TiesEmbeddings || architecture.Blocks.Any(layer => layer is HeadLayer { TieEmbeddings: true });
        if (meta.Method == MetaMethod.Anil && isTied)
            yield return DiagnosticCatalog.MetaHead.At(Path + ".method", "anil adapts the output head alone, which here is the embedding too; write 'tie-embeddings: false' in the architecture, or 'method: maml'");
    }

    /// <summary>Directives that do not go with it, and why.</summary>
    private static IEnumerable<(bool IsGiven, string At, string Reason)> Contradictions(ModelSpec model, MetaSpec meta)
    {
        var (a, e, t) = (model.Architecture, model.Efficiency, model.Training);
        var objective = ObjectiveSpec.Resolve(model).Kind;
        var layers = LayerLists.All(a.Blocks, "architecture.blocks").ToList();
        yield return (objective is not (ObjectiveKind.Causal or ObjectiveKind.Regression), "training.objective", "tasks are learned by the next token, or by numbers");
        yield return (t.Accumulate > 1, "training.accumulate", "the micro-batches of a step are its tasks ('tasks' in meta)");
        yield return (t.Curriculum is not null, "training.curriculum", "a curriculum orders windows of text, and tasks have their own examples");
        yield return (t.Subset is not null, "training.subset", "a subset chooses windows of text, and tasks have their own examples");
        yield return (t.Distillation is not null, "training.distillation", "a teacher predicts the text of windows, and tasks have their own examples");
        yield return (e.TokenDrop is not null, "efficiency.token-drop", "token-drop draws other tokens in each pass, but support and query loss must be of one function");
        yield return (e.Pruning is not null, "efficiency.pruning", "the inner steps would bring removed weights back");
        yield return (e.Quantization is { Method: RoundingMethod.Qat }, "efficiency.quantization.method", "rounding hides what the inner steps change");
        yield return (e.Adapt is not null, "efficiency.adapt", "the inner steps adapt the parameters that adapters freeze");
        yield return (e.Precision.Compute == Precision.Fp16, "efficiency.precision.compute", "the gradients of inner steps would need a loss scale of their own");
        yield return (e.Precision.Fp8.Count > 0, "efficiency.precision.fp8", "8-bit products are too coarse for differences between adapted and original weights");
        yield return (e.Precision.Compute == Precision.Bf16 && meta.IsSecondOrder, "efficiency.precision.compute", "second derivatives are computed in fp32 (first-order methods may compute in bf16)");
        yield return (e.Checkpoint is not null && meta.IsSecondOrder, "efficiency.checkpoint", "the product with the Hessian keeps its activations");
        yield return (a.Family == Family.TransformerXl || layers.Any(l => l.Layer is RelativeAttentionLayer), "architecture", "a memory of earlier segments would carry from task to task");
        yield return (a.Experts is not null || layers.Any(l => l.Layer is ExpertsLayer), a.Experts is not null ? "architecture.experts" : "architecture.blocks", "the choice of experts has no derivative");
        yield return (a.Dropout > 0 || layers.Any(l => l.Layer is DropoutLayer { Rate: > 0 }), a.Dropout > 0 ? "architecture.dropout" : "architecture.blocks", "the inner steps and what leads back through them must see one function, without random masks");
    }
}
