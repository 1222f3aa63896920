using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>A step from graph to graph. A new pass is one file here and one line in <see cref="Pipelines"/>.</summary>
public abstract class Pass
{
    /// <summary>A verb phrase: the class's name.</summary>
    public string Name => GetType().Name;

    public abstract Graph Run(Graph graph, ModelSpec spec);
}
