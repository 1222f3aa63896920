using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Emit.Training;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>The layout of the flat parameter buffer, and classes of views into it: weights to read, gradients to write.</summary>
internal static class ParametersEmitter
{
    private static readonly string[] Usings =
        ["System.Collections.Generic", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Training", "static TorchSharp.torch"];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Parameters", $"{context.Name}: parameters in one flat buffer", Usings, $"partial class {context.Name}", writer =>
        {
            var model = context.Model;
            Layout(writer, context, model.Layout, "Layout", "Every parameter by the name it has in checkpoints.");
            if (IsAdapted(model))
            {
                writer.Line();
                Layout(writer, context, model.Frozen, "FrozenLayout", "Every frozen parameter by its name.");
            }
            foreach (var group in Slots(model).GroupBy(s => s.Block))
            {
                var (slots, trained) = (group.ToList(), group.Where(s => !s.Parameter.Frozen).ToList());
                writer.Line();
                Views(writer, context, group.Key, "Parameters", "Weights in the precision that kernels read.", Buffers(model, group.Key), slots, Weight);
                writer.Line();
                if (trained.Count > 0) Views(writer, context, group.Key, "Gradients", "Gradients, fp32, where kernels write them.", "ParameterStore store", trained, Gradient);
                else NoGradients(writer, group.Key);
            }
        });

    /// <summary>Whether some parameters are frozen.</summary>
    public static bool IsAdapted(CompiledModel model) => model.Frozen.Slots.Count > 0;

    /// <summary>The stores that the parameters of a function lie in, as expressions of a model.</summary>
    public static string Stores(CompiledModel compiled, string block, string model) => Stores(compiled, block, $"{model}.Parameters", $"{model}.Frozen");

    /// <summary>The same where the expressions are these.</summary>
    public static string Stores(CompiledModel compiled, string block, string trained, string frozen) =>
        string.Join(", ", Kinds(compiled, block).Select(isFrozen => isFrozen ? frozen : trained));

    private static string Buffers(CompiledModel model, string block) =>
        string.Join(", ", Kinds(model, block).Select(frozen => $"ParameterStore {(frozen ? "frozen" : "store")}"));

    private static IEnumerable<bool> Kinds(CompiledModel model, string block) =>
        Slots(model).Where(s => s.Block == block).Select(s => s.Parameter.Frozen).Distinct();

    /// <summary>The trained parameters, then the frozen ones.</summary>
    private static IEnumerable<ParameterSlot> Slots(CompiledModel model) => model.Layout.Slots.Concat(model.Frozen.Slots);

    public static string ClassName(string block, string what) => (block.Length == 0 ? "Main" : Identifiers.Pascal(block)) + what;

    /// <summary>The C# expression of the number in its block of a function's layer i.</summary>
    public static string Layer(string function) => BlockNames.First(function) is > 0 and var first ? $"i + {Number(first)}" : "i";

    /// <summary>The C# expression of a layer's set of parameters.</summary>
    public static string Set(string layer, int layersOfSet) => layersOfSet == 1 ? layer : $"{layer} / {Number(layersOfSet)}";

    /// <summary>The field names of a function's parameters, the same in every class about it.</summary>
    public static Identifiers Names(CompiledModel model, string block)
    {
        var names = new Identifiers();
        foreach (var slot in Slots(model).Where(s => s.Block == block)) _ = names[slot.Parameter.Name];
        return names;
    }

    /// <summary>The expression of a weight, or of its direction in a program of the Hessian's product.</summary>
    public static string Weight(Identifiers names, string parameter) => Of(names, parameter, "p.", "v.");

    /// <summary>The expression of a gradient, or of the Hessian's product with the direction.</summary>
    public static string Gradient(Identifiers names, string parameter) => Of(names, parameter, "g.", "h.");

    private static string Of(Identifiers names, string parameter, string primal, string tangent) =>
        parameter.EndsWith(TangentBuilder.Suffix, StringComparison.Ordinal)
            ? tangent + names[parameter.Substring(0, parameter.Length - TangentBuilder.Suffix.Length)]
            : primal + names[parameter];

    private static void Layout(SourceWriter writer, EmitContext context, ParameterLayout layout, string name, string summary)
    {
        writer.Line($"/// <summary>{summary}</summary>");
        using (writer.Block($"private static List<ParameterInfo> {name}()"))
        {
            writer.Line("var layout = new List<ParameterInfo>();");
            foreach (var group in layout.Slots.GroupBy(s => s.Block))
            {
                var slots = group.ToList();
                if (group.Key.Length == 0)
                {
                    foreach (var slot in slots) Parts(writer, context, slot, "", "");
                    continue;
                }
                var layers = context.Model.Training.LayersOfSet(group.Key);
                using (writer.Block($"for (var i = 0; i < {Number(slots[0].Sets)}; i++)"))
                {
                    var prefix = $"{BlockNames.Whole(group.Key)}.{{{Layer(group.Key)}}}.";
                    foreach (var slot in slots) Parts(writer, context, slot, prefix, layers == 1 ? prefix : $"{group.Key}.{{i * {Number(layers)}}}.");
                }
            }
            if (name == "Layout") MetaEmitter.Rates(writer, context);
            writer.Line("return layout;");
        }
    }

    private static void Parts(SourceWriter writer, EmitContext context, ParameterSlot slot, string prefix, string layerPrefix)
    {
        var offset = slot.Offset;
        foreach (var part in slot.Parameter.Parts)
        {
            var shape = slot.Parameter.Type.Shape.Skip(1).Prepend(part.Rows).ToList();
            var init = part.Init.Kind == InitKind.Normal ? $"Normal({Number(part.Init.Deviation)})" : part.Init.Kind.ToString();
            var dollar = prefix.Length > 0 ? "$" : "";
            var decay = slot.Parameter.IsMatrix ? "true" : "false";
            var layer = slot.Parameter.Quantized is { } quantized ? $" {{ Layer = {dollar}\"{layerPrefix}{quantized}\" }}" : "";
            writer.Line(
                $"layout.Add(new({dollar}\"{prefix}{part.Name}\", [{string.Join(", ", shape.Select(d => Number(d.Value)))}], "
                + $"{At(offset, slot.Stride)}, {decay}, ParameterInit.{init}){layer});  // {context.Place(slot.Parameter.Origin)}");
            offset += shape.Aggregate(1L, (product, dim) => product * dim.Value);
        }
    }

    private static string At(long offset, long stride) => stride == 0 ? Grouped(offset) : $"{Grouped(offset)} + (i * {Grouped(stride)}L)";

    private static string Weight(ParameterSlot slot, string shape)
    {
        var view = slot.Parameter.Type.DType == DType.F32 && slot.Parameter.Quantized is null ? "MasterView" : "Weight";
        return $"{(slot.Parameter.Frozen ? "frozen" : "store")}.{view}({At(slot.Offset, slot.Stride)}, {shape})";
    }

    private static string Gradient(ParameterSlot slot, string shape) => $"store.GradientView({At(slot.Offset, slot.Stride)}, {shape})";

    /// <summary>Weights that are only read forward, as a teacher's are.</summary>
    public static void ForwardViews(SourceWriter writer, EmitContext context, string block) => Views(
        writer, context, block, "Parameters", "Weights in the precision that kernels read.", "ForwardWeights store", Slots(context.Model).Where(s => s.Block == block).ToList(), Weight);

    private static void Views(
        SourceWriter writer, EmitContext context, string block, string kind, string summary, string stores, List<ParameterSlot> slots,
        Func<ParameterSlot, string, string> view)
    {
        var names = Names(context.Model, block);
        var layered = block.Length > 0;
        writer.Line($"/// <summary>{summary}</summary>");
        using (writer.Block($"private sealed class {ClassName(block, kind)}({stores}{(layered ? ", int i" : "")})"))
        {
            foreach (var slot in slots)
            {
                var type = slot.Parameter.Type;
                var shape = string.Join(", ", type.Shape.Select(d => Number(d.Value)));
                var parts = slot.Parameter.Parts.Select(p => p.Name).ToList();
                var packed = parts.Count == 1 ? "" : " = " + (parts.Count <= 4 ? string.Join(", ", parts) : $"{parts[0]}, {parts[1]}, … {parts.Last()}");
                writer.Line($"public readonly Tensor {names[slot.Parameter.Name]} = {view(slot, shape)};  // [{string.Join(", ", type.Shape)}]{packed}");
            }
        }
    }

    /// <summary>A function whose parameters are all frozen has no gradients, and a class without members.</summary>
    private static void NoGradients(SourceWriter writer, string block)
    {
        var name = ClassName(block, "Gradients");
        writer.Line("/// <summary>Nothing is trained here.</summary>");
        using (writer.Block($"private sealed class {name}"))
        using (writer.Block($"public {name}(ParameterStore store{(block.Length > 0 ? ", int i" : "")})"))
        {
        }
    }
}
