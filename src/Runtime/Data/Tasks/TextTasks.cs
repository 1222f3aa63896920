using ModelCompiler.Runtime.Data.Labels;

namespace ModelCompiler.Runtime.Data.Tasks;

/// <summary>Tasks of texts: a document is an example, cut to the model's context.</summary>
internal sealed class TextTasks : ITaskSource
{
    private readonly LabeledExamples _training, _validation;
    private readonly int[][] _trainingTasks, _validationTasks;
    private readonly int _endOfText, _context;

    /// <param name="training">The documents and the numbers of their tasks.</param>
    /// <param name="validation">Those of the tasks that are held out.</param>
    /// <param name="endOfText">The token behind a document.</param>
    /// <param name="context">Tokens of an example.</param>
    public TextTasks(LabeledExamples training, LabeledExamples validation, int endOfText, int context)
    {
        (_training, _validation, _endOfText, _context) = (training, validation, endOfText, context);
        (_trainingTasks, _validationTasks) = (ByTask(training), ByTask(validation));
    }

    public int Count(bool heldOut) => (heldOut ? _validationTasks : _trainingTasks).Length;

    public TaskExamples Examples(int task, bool heldOut)
    {
        var documents = heldOut ? _validation : _training;
        var buffer = new long[_context + 1];
        return TaskExamples.OfTokens(
            [.. (heldOut ? _validationTasks : _trainingTasks)[task].Select(e => Array.ConvertAll(buffer[..documents.Read(e, buffer)], token => (int)token))], _endOfText, _context);
    }

    private static int[][] ByTask(LabeledExamples examples) =>
        [.. Enumerable.Range(0, examples.Count).GroupBy(examples.Class).OrderBy(group => group.Key).Select(group => group.ToArray())];
}
