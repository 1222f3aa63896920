using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The class of a forward pass that no backward pass follows, over the batches and in the arena of a training program.</summary>
internal sealed class ForwardEmitter
{
    private readonly EmitContext _context;
    private readonly string _name;
    private readonly ForwardPlan _plan;
    private readonly Steps _steps;
    private readonly Graph _graph;
    private readonly Function _main;
    private readonly List<ForwardBlockEmitter> _blocks;
    private readonly Identifiers _fields = new();
    private readonly Identifiers _parameters;
    private readonly long _kept;

    /// <param name="owner">The model whose batches they are.</param>
    /// <param name="path">The directive that its lines stand for: its own are those of another file, or of another precision.</param>
    /// <param name="name">Of the class.</param>
    /// <param name="model">Its graph is the forward pass.</param>
    /// <param name="plan">Where its values lie.</param>
    /// <param name="sites">What is kept of layers; null for nothing.</param>
    /// <param name="kept">Where in the arena that begins which is kept.</param>
    public ForwardEmitter(EmitContext owner, string path, string name, CompiledModel model, ForwardPlan plan, TeacherSites? sites, long kept)
    {
        (_name, _plan, _steps, _graph, _main, _kept) = (name, plan, new Steps(owner.Model.Spec), model.Training, model.Training.Main, kept);
        _context = owner.Of(model, new SourceMap(owner.SourcePath, [new SourceMapEntry(SpecPath.Root, owner.Span(path))]));
        _parameters = ParametersEmitter.Names(model, "");
        _blocks = plan.Blocks.Select(b => new ForwardBlockEmitter(_context, _graph, plan, sites, b, _steps, kept)).ToList();
        foreach (var output in _main.Nodes.SelectMany(n => n.Outputs)) _ = _fields[output.Name];
    }

    private string T => _steps.Several ? ", T" : "";

    /// <summary>The parameter T of what is made for each length.</summary>
    private string Length => _steps.Several ? ", int T" : "";

    /// <param name="writer">Writes the class.</param>
    /// <param name="results">Writes its members that give what it has computed.</param>
    public void Write(SourceWriter writer, Action results)
    {
        using var type = writer.Block($"private sealed class {_name}");
        if (_steps.Several) writer.Lines($"private const int B = {Number(_steps.Batch)};", "private readonly int T;");
        else writer.Line($"private const int B = {Number(_steps.Batch)}, T = {Number(_steps.Lengths[0])}, N = B * T;");
        writer.Line().Lines("private readonly MainActivations s;", "private readonly MainParameters p;");
        foreach (var block in _blocks) block.Fields(writer);
        writer.Line();
        using (writer.Block($"public {_name}(ForwardWeights weights, Arena arena{Length})"))
        {
            if (_steps.Several) writer.Line("this.T = T;");
            writer.Lines($"s = new MainActivations(arena{T});", "p = new MainParameters(weights);");
            foreach (var block in _blocks) block.Construct(writer, value => "s." + _fields[value]);
        }
        writer.Line();
        results();
        foreach (var block in _blocks) block.Sites(writer);
        writer.Line();
        using (writer.Block("public void Forward(StepInput input)"))
        {
            var kernels = new KernelWriter(_context, _main, Spell, cached: false);
            foreach (var node in _main.Nodes)
                if (OpTable.IsRepeat(node)) _blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer);
                else kernels.Write(writer, node);
        }
        foreach (var block in _blocks) block.Function(writer);
        if (TrainingEmitter.UsesCapacity(_graph))
            writer.Line().Lines("/// <summary>Experts have no limit.</summary>", "private static double Capacity(double factor) => 0;");
        Activations(writer);
        foreach (var block in _blocks) block.Class(writer);
        foreach (var block in _context.Model.Layout.Slots.Select(s => s.Block).Distinct())
        {
            writer.Line();
            ParametersEmitter.ForwardViews(writer, _context, block);
        }
    }

    /// <summary>The expression of a value of main within the class.</summary>
    public string Spell(string value) => _main.Inputs.Any(i => i.Name == value) ? "input." + Identifiers.Pascal(value)
        : _main.Parameters.Any(p => p.Name == value) ? "p." + _parameters[value]
        : "s." + _fields[value];

    private void Activations(SourceWriter writer)
    {
        var types = _main.Types();
        writer.Line().Line("/// <summary>Values outside the repeated blocks: scratch, over which those of a training step come later, and what is read of them.</summary>");
        using (writer.Block($"private sealed class MainActivations(Arena arena{Length})"))
            foreach (var (value, offset) in _plan.Main.Select(p => (p.Value, p.Offset)).Concat(_plan.Kept.Select(p => (p.Value, _kept + p.Offset))))
                writer.Line(TrainingEmitter.Field(_fields[value], types[value], $"arena.View({Grouped(offset)}", _steps.Rows));
    }
}
