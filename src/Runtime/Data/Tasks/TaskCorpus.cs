using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Labels;
using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data.Tasks;

/// <summary>
/// Texts with the task that each belongs to: lines of JSONL with a field for it, texts in folders, or of <c>sdk-docs</c> the members by
/// their namespace. Whole tasks are held out for validation, by a hash of their name, and at least one; those with too few texts are left out.
/// </summary>
internal sealed class TaskCorpus
{
    private readonly IReadOnlyList<SourceFile> _files;
    private readonly Func<SourceFile, IEnumerable<LabeledText>> _read;
    private readonly string _field, _part;
    private readonly Dictionary<string, (int Number, bool IsHeldOut)> _tasks = new(StringComparer.Ordinal);

    /// <param name="settings">Source, fields, and share of validation.</param>
    /// <exception cref="DataException">The source does not exist, or no two tasks have texts enough.</exception>
    public TaskCorpus(TrainingSettings settings)
    {
        var meta = settings.Meta!;
        if (meta.By == TaskKind.Namespace && settings.Source != SdkDocumentation.Name)
            throw new DataException($"{settings.Source} has no namespaces, by which the tasks of {SdkDocumentation.Name} are told apart: declare it as training.data.source, and 'by: folder' or 'by: field' in training.meta.");
        _files = LabeledCorpus.Files(settings.Source);
        _field = settings.Field;
        _read = meta.By == TaskKind.Namespace ? file => XmlDocumentation.ReadNamespaces(file.Path) : file => LabeledText.Read(file, settings.Field, meta.Field);
        var needed = meta.Support!.Value + meta.Query!.Value;
        _part = string.Create(CultureInfo.InvariantCulture, $"tasks by {meta.By} {meta.Field} of {needed} {settings.Validation:R}");

        var counts = All().CountBy(text => text.Label).ToDictionary(StringComparer.Ordinal);
        var names = counts.Where(c => c.Value >= needed).Select(c => c.Key).OrderBy(Corpus.NameHash).ThenBy(name => name, StringComparer.Ordinal).ToArray();
        var heldOut = settings.Validation == 0 ? 0 : Math.Max(1, (int)Math.Round(settings.Validation * names.Length));
        if (names.Length <= heldOut)
        {
            throw new DataException(
                $"Of {counts.Count} tasks {names.Length} have the {needed} texts that a support set and a query set need, and {heldOut} are held out: "
                + "give more texts, or smaller sets in training.meta.");
        }

        for (var i = 0; i < names.Length; i++)
            _tasks[names[i]] = i < heldOut ? (i, true) : (i - heldOut, false);
        (Training, Validation) = (Split("training", isHeldOut: false), Split("validation", isHeldOut: true));
        (TrainingTasks, ValidationTasks) = (Numbers(isHeldOut: false), Numbers(isHeldOut: true));
    }

    public TextSplit Training { get; }

    public TextSplit Validation { get; }

    /// <summary>The task of each training text, in their order.</summary>
    public int[] TrainingTasks { get; }

    public int[] ValidationTasks { get; }

    private IEnumerable<LabeledText> All() => _files.SelectMany(_read);

    private IEnumerable<(string Text, int Task)> Of(bool isHeldOut) =>
        from text in All()
        where _tasks.TryGetValue(text.Label, out var task) && task.IsHeldOut == isHeldOut
        select (text.Text, _tasks[text.Label].Number);

    private int[] Numbers(bool isHeldOut) => [.. Of(isHeldOut).Select(text => text.Task)];

    private TextSplit Split(string name, bool isHeldOut) => new(
        name, _files, _field, _part, () => Of(isHeldOut).Select(text => new TextPiece(text.Text, EndsDocument: true)));
}
