using System.Globalization;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit;

/// <summary>
/// What a declaration says of that which a training step computes and reads, as lines <c>training.accumulate = 2</c>: keys that differ from
/// their defaults, and defaults that follow from other keys. A run is continued only under the same.
/// </summary>
public static class TrainingKeys
{
    /// <summary>What may be changed in the course of a run, with all that stands below it. Text, tokenizer and other models have digests of their own.</summary>
    public static IReadOnlyCollection<string> Free { get; } =
    [
        "model", "namespace", "export", "limits",
        "efficiency.checkpoint", "efficiency.speculate", "efficiency.quantization", "efficiency.adapt.from", "efficiency.pruning.from",
        "training.steps", "training.seed", "training.validate-every", "training.early-stop", "training.checkpoints", "training.on-nan", "training.data",
        "training.distillation.checkpoint",
    ];

    public static IReadOnlyList<string> Of(ModelSpec spec)
    {
        var (training, efficiency) = (spec.Training, spec.Efficiency);
        var free = new HashSet<string>(Free);
        if (efficiency.Quantization is { Method: RoundingMethod.Qat }) free.Remove("efficiency.quantization"); // training reads rounded weights
        if (efficiency.Pruning is { Schedule: PruningSchedule.Iterative }) free.Remove("training.steps"); // they are divided among the rounds
        var lines = new List<string>();
        Add(
            spec with
            {
                Training = training with { Curriculum = CurriculumSpec.Resolve(spec), Subset = SubsetSpec.Resolve(spec), Meta = MetaSpec.Resolve(spec) },
                Efficiency = efficiency with { Pruning = PruningSpec.Resolve(spec), TokenDrop = TokenDropSpec.Resolve(spec) },
            },
            "", free, lines);
        return lines;
    }

    private static void Add(object record, string path, HashSet<string> free, List<string> lines)
    {
        var shape = RecordShape.Of(record.GetType());
        foreach (var key in shape.Keys)
        {
            var name = path.Length == 0 ? key.Name : path + "." + key.Name;
            if (!shape.HasEffect(key, record) || free.Contains(name) || key.Get(record) is not { } value || value.Equals(shape.Default(key))) continue;
            if (value is EquatableArray<LayerSpec> layers)
            {
                for (var i = 0; i < layers.Count; i++) Section(layers[i], $"{name}[{i}].{RecordShape.Of(layers[i].GetType()).Layer!.Name}", isOptional: true);
            }
            else if (key.Kind == ValueKind.Record)
                Section(value, name, isOptional: shape.Default(key) is null);
            else
                lines.Add($"{name} = {Text(value)}");
        }

        // A section that may be left out says something even where all of it has its defaults.
        void Section(object section, string name, bool isOptional)
        {
            var before = lines.Count;
            Add(section, name, free, lines);
            if (isOptional && lines.Count == before) lines.Add(name + " = {}");
        }
    }

    private static string Text(object value) => value switch
    {
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        _ => KeyShape.Write(value), // lists of texts and numbers write themselves
    };
}
