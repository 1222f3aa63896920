using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>
/// Turns the tree of a front end into a <see cref="ModelSpec"/>, following the declarations of its records. Checks each
/// key by itself; what several keys say together is left to the <see cref="SpecValidator"/>.
/// </summary>
public static class SpecBinder
{
    /// <param name="root">The whole model.</param>
    /// <param name="path">The file, for diagnostics.</param>
    public static ReadResult Bind(SpecNode root, string path)
    {
        var report = new BindingReport(path);
        var anchor = root is MappingNode { Entries: { Count: > 0 } entries } ? entries[0].KeySpan : root.Span;
        var model = (ModelSpec)new RecordBinder(report).Bind(RecordShape.Of(typeof(ModelSpec)), root, SpecPath.Root, anchor);
        return new ReadResult(report.HasErrors ? null : model, report.ToSourceMap(), report.Diagnostics.ToEquatableArray());
    }
}
