using System.Reflection;

namespace ModelCompiler.Compiler.Diagnostics;

/// <summary>
/// Every diagnostic of the compiler: MC1xxx syntax and schema, MC2xxx shapes and contradictions, MC3xxx passes,
/// MC4xxx targets and build tasks. Each has a page in docs/diagnostics.
/// </summary>
public static partial class DiagnosticCatalog
{
    // Made on first use: the fields of the other parts of this class are initialized in no stated order.
    private static readonly Lazy<IReadOnlyList<DiagnosticInfo>> s_all = new(() => typeof(DiagnosticCatalog)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (DiagnosticInfo)field.GetValue(null)!)
        .OrderBy(info => info.Id, StringComparer.Ordinal)
        .ToArray());

    /// <summary>All of them, by id.</summary>
    public static IReadOnlyList<DiagnosticInfo> All => s_all.Value;

    private static DiagnosticInfo Error(string id, string title, string description) =>
        new(id, DiagnosticSeverity.Error, title, description);

    private static DiagnosticInfo Warning(string id, string title, string description) =>
        new(id, DiagnosticSeverity.Warning, title, description);
}
