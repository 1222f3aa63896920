namespace ModelCompiler.Runtime.Onnx;

/// <summary>Follows the parts of an export that take time, and ends it between two steps of a part.</summary>
/// <param name="follow">Runs a part, which is given what to call after each step: what the part does, of how many steps.</param>
/// <param name="cancellation">Ends the export.</param>
internal sealed class ExportWatch(Action<string, int, Action<Action>> follow, CancellationToken cancellation)
{
    /// <summary>Nobody watches.</summary>
    public static ExportWatch None { get; } = new((_, _, part) => part(() => { }), default);

    /// <summary>Runs a part.</summary>
    /// <param name="what">It does.</param>
    /// <param name="steps">How many.</param>
    /// <param name="part">Is given what to call after each.</param>
    /// <exception cref="OperationCanceledException">The export is to end.</exception>
    public void Run(string what, int steps, Action<Action> part)
    {
        cancellation.ThrowIfCancellationRequested();
        follow(what, steps, step => part(() =>
        {
            step();
            cancellation.ThrowIfCancellationRequested();
        }));
    }
}
