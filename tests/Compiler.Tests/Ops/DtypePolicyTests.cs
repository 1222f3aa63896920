using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.Compiler.Tests.Frontends;
using ModelCompiler.Compiler.Tests.Specs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Ops;

/// <summary>The table of ops in docs/precision.md is what PlacePrecision does to every model of the good examples.</summary>
public sealed class DtypePolicyTests
{
    private const string Page = "docs/precision.md";
    private const string Begin = "<!-- What follows is generated from the ops. -->\n\n", End = "\n<!-- Up to here. -->\n";

    [Fact]
    public void The_table_of_ops_is_fresh()
    {
        var text = File.ReadAllText(Path.Combine(SpecFiles.RepositoryRoot, Page));
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        GeneratedText.AssertFresh(Page, text[..begin] + Table() + text[end..]);
    }

    private static string Table()
    {
        var policies = new SortedDictionary<string, (SortedSet<string> Parameters, SortedSet<string> Results)>(StringComparer.Ordinal);
        foreach (var (function, node) in SpecFiles.Good.Select(file => Reading.ReadGood(SpecFiles.Read(file))).Where(spec => spec.Training.Meta is null && spec.Architecture.Size is null).SelectMany(Nodes))
        {
            if (!policies.TryGetValue(node.Op, out var policy)) policies[node.Op] = policy = ([], []);
            policy.Parameters.UnionWith(function.Parameters.Where(p => node.Inputs.Contains(p.Name) && p.Type.DType == DType.F32).Select(p => "`" + p.Name.Split('.').Last() + "`"));
            policy.Results.UnionWith(node.Outputs.Where(o => o.Type!.DType == DType.F32).Select(o => o == node.Outputs[0] ? "the result" : "`" + o.Name.Split('.').Last() + "`"));
        }

        var mixed = policies.Where(policy => policy.Value.Parameters.Count + policy.Value.Results.Count > 0);
        var others = policies.Keys.Except(mixed.Select(policy => policy.Key));
        return "| op | parameters in fp32 | results in fp32 |\n|---|---|---|\n"
            + string.Concat(mixed.Select(policy => $"| `{policy.Key}` | {string.Join(", ", policy.Value.Parameters)} | {string.Join(", ", policy.Value.Results)} |\n"))
            + $"\nAll that these ops read and give besides is in the compute type, and so is everything of {string.Join(", ", others.Select(op => $"`{op}`"))}.\n";
    }

    /// <summary>The forward pass in bf16.</summary>
    private static IEnumerable<(Function, Node)> Nodes(ModelSpec spec)
    {
        spec = (spec with { Efficiency = new() }).InBf16();
        var graph = GraphBuilder.Build(spec);
        foreach (var pass in new Pass[] { new InferShapes(), new ShareParameters(), new PackProjections(), new PlacePrecision() }) graph = pass.Run(graph, spec);
        return graph.Blocks.Append(graph.Main).SelectMany(function => function.Nodes.Where(n => !OpTable.IsRepeat(n) && n.Op != "cast").Select(node => (function, node)));
    }
}
