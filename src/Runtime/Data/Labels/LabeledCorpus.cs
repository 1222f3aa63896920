using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data.Labels;

/// <summary>
/// Texts with their classes: lines of JSONL with a text and a label, texts in folders that are named by their class, or of
/// <c>sdk-docs</c> the members by their kind. Each is held out for validation by itself, by a hash of its file's name and its
/// place in it.
/// </summary>
public sealed class LabeledCorpus
{
    private readonly IReadOnlyList<SourceFile> _files;
    private readonly string _field;
    private readonly string _label;
    private readonly double _validation;

    private LabeledCorpus(IReadOnlyList<SourceFile> files, string field, string label, double validation, int classes)
    {
        (_files, _field, _label, _validation) = (files, field, label, validation);
        var labels = (Training: new List<string>(), Validation: new List<string>());
        foreach (var (text, isHeldOut) in All())
            (isHeldOut ? labels.Validation : labels.Training).Add(text.Label);
        if (labels.Training.Count == 0 || (validation > 0 && labels.Validation.Count == 0))
        {
            throw new DataException(
                $"Of {labels.Training.Count + labels.Validation.Count} labelled texts {labels.Training.Count} are to train on and {labels.Validation.Count} to validate on: give more of them.");
        }

        Names = ClassNames.Of(labels.Training.Concat(labels.Validation), classes);
        TrainingClasses = [.. labels.Training.Select(Names.NumberOf)];
        ValidationClasses = [.. labels.Validation.Select(Names.NumberOf)];
        Training = Split("training", isHeldOut: false);
        Validation = Split("validation", isHeldOut: true);
    }

    public ClassNames Names { get; }

    public TextSplit Training { get; }

    /// <summary>Empty if nothing is to be held out.</summary>
    public TextSplit Validation { get; }

    /// <summary>The classes of the training texts, in their order.</summary>
    public int[] TrainingClasses { get; }

    public int[] ValidationClasses { get; }

    /// <summary>Finds the texts of a source and reads their labels.</summary>
    /// <param name="source"><c>sdk-docs</c>, a .jsonl file, or a folder of them or of folders of .txt or .md.</param>
    /// <param name="field">The text's field in JSONL.</param>
    /// <param name="label">The label's field in JSONL.</param>
    /// <param name="validation">Share of the texts held out for validation.</param>
    /// <param name="classes">Number of classes of the model.</param>
    /// <exception cref="DataException">The source does not exist, holds no labels, or has more classes.</exception>
    public static LabeledCorpus Open(string source, string field, string label, double validation, int classes) =>
        new(Files(source), field, label, validation, classes);

    internal static IReadOnlyList<SourceFile> Files(string source)
    {
        var folder = source == SdkDocumentation.Name ? SdkDocumentation.FindFolder() : source;
        if (File.Exists(source))
            return [SourceFile.Of(source, Path.GetDirectoryName(Path.GetFullPath(source))!)];
        if (!Directory.Exists(folder))
            throw new DataException($"The labelled text '{source}' does not exist. Give {LabeledText.Supported}, with --data (or data.source in the declaration).");
        var paths = source == SdkDocumentation.Name
            ? Directory.EnumerateFiles(folder, "*.xml")
            : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(LabeledText.IsSupported);
        SourceFile[] files = [.. paths.Select(path => SourceFile.Of(path, folder)).OrderBy(file => file.Name, StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new DataException($"The folder '{source}' has no labelled text: give {LabeledText.Supported}.");
    }

    private IEnumerable<(LabeledText Text, bool IsHeldOut)> All()
    {
        foreach (var file in _files)
        {
            var (name, number) = (Corpus.NameHash(file.Name), 0UL);
            foreach (var text in LabeledText.Read(file, _field, _label))
                yield return (text, Shuffle.Mix(name + number++) < _validation * ulong.MaxValue);
        }
    }

    private TextSplit Split(string name, bool isHeldOut) => new(
        name, !isHeldOut || _validation > 0 ? _files : [], _field, FormattableString.Invariant($"labelled {_label} {name} {_validation:R}"),
        () => All().Where(entry => entry.IsHeldOut == isHeldOut).Select(entry => new TextPiece(entry.Text.Text, EndsDocument: true)));
}
