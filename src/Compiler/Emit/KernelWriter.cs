using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Writes nodes as calls of kernels.</summary>
/// <param name="spell">The C# expression of a value or parameter.</param>
/// <param name="cached">Whether to call the forms over a key-value cache.</param>
internal sealed class KernelWriter(EmitContext context, Function function, Func<string, string> spell, bool cached)
{
    private readonly Dictionary<string, TensorType> _types = function.Types();

    /// <summary>Where comments start after shorter statements.</summary>
    private const int CommentColumn = 100;

    /// <summary>Whether gradients without a prior of the same pass are added to what is there.</summary>
    public string Accumulate { get; init; } = "false";

    /// <summary>Whether a node of a backward function repeats one of the forward function.</summary>
    public Func<Node, bool> Recomputed { get; init; } = _ => false;

    /// <summary>The C# expression of the sequence length T that kernels are called with.</summary>
    public string Sequence { get; init; } = "T";

    /// <summary>The names of the key and value caches.</summary>
    public string Keys { get; init; } = "keys";

    public string Values { get; init; } = "values";

    /// <summary>The name of the cache of latents.</summary>
    public string Latents { get; init; } = "latents";

    /// <summary>The lengths of the batch's sequences.</summary>
    public string Lengths { get; init; } = "input.Counts";

    /// <summary>The C# expression of a linear layer's weight, where that is not the parameter itself.</summary>
    public Func<Node, string?> Weight { get; init; } = _ => null;

    /// <summary>The name of the rows that a convolution remembers.</summary>
    public string State { get; init; } = "state";

    public void Write(SourceWriter writer, Node node)
    {
        var inputs = new Inputs(node, node.Inputs.Select(i => i.Length == 0 ? null : _types[i]).ToArray());
        var call = OpTable.Find(node.Op).Lower(inputs);
        if (cached && call.Cached is { } overCache) call = overCache;
        var arguments = string.Join(", ", call.Arguments.Select(a => Spell(node, inputs, a)));
        var statement = $"Kernels.{call.Method}({arguments});".PadRight(CommentColumn);
        var again = Recomputed(node) ? "recomputed, " : "";
        writer.Line($"{statement} // {again}{_types[node.Outputs[0].Name]}  {context.Place(node.Origin)}");
    }

    private string Spell(Node node, Inputs inputs, KernelArgument argument) => argument.Kind switch
    {
        KernelArgumentKind.Input when argument.Index == 1 && Weight(node) is { } weight => weight,
        KernelArgumentKind.Input => inputs.Has(argument.Index) ? spell(node.Inputs[argument.Index]) : "null",
        KernelArgumentKind.Output => spell(node.Outputs[argument.Index].Name),
        KernelArgumentKind.Accumulate => "accumulate: " + (inputs.Has(argument.Index) ? "true" : Accumulate),
        KernelArgumentKind.Array => "[" + string.Join(", ", node.Inputs.Take(argument.Index).Select(spell)) + "]",
        _ => argument.Text switch { "keys" => Keys, "values" => Values, "latents" => Latents, "lengths" => Lengths, "state" => State, "T" => Sequence, _ => argument.Text },
    };
}
