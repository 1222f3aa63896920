using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

/// <summary>Builds small functions for pass tests, and compares their text.</summary>
public static class PassTests
{
    public static readonly Dim B = new("B", 2);
    public static readonly Dim T = new("T", 4);
    public static readonly Dim C = new("C", 8);

    public static TensorType F32(params Dim[] shape) => TensorType.Of(DType.F32, shape);

    public static Parameter Weight(string name, params Dim[] shape) =>
        Parameter.Of(name, F32(shape), new Init(InitKind.Normal, 0.02), "architecture");

    public static Node Node(string op, string output, params string[] inputs) =>
        new(op, inputs.ToEquatableArray(), EquatableArray.Of(new Value(output)), Attributes.None, "architecture");

    public static Compiler.Graphs.Graph Graph(Parameter[] parameters, Node[] nodes, string output, params Function[] blocks)
    {
        var main = new Function(
            "main", EquatableArray.Of(new Value("x", F32(B, T, C))), parameters.ToEquatableArray(), nodes.ToEquatableArray(), EquatableArray.Of(output));
        return new Compiler.Graphs.Graph("Test", EquatableArray.Of(B, T, C, new Dim("V", 16)), main, blocks.ToEquatableArray());
    }

    /// <summary>Runs the pass on typed input and compares the text of main before and after.</summary>
    public static void Check(Pass pass, Compiler.Graphs.Graph graph, string before, string after, ModelSpec? spec = null)
    {
        graph = new InferShapes().Run(graph, Models.Gpt2);
        GraphVerifier.Verify(graph, "the test");
        Assert.Equal(Trim(before), Text(graph));
        graph = pass.Run(graph, spec ?? Models.Gpt2);
        GraphVerifier.Verify(graph, pass.Name);
        Assert.Equal(Trim(after), Text(graph));
    }

    public static string Text(Compiler.Graphs.Graph graph) =>
        Trim(string.Join("\n", graph.Blocks.Append(graph.Main).Select(GraphText.Print)));

    private static string Trim(string text) => text.Replace("\r", "").Trim();
}
