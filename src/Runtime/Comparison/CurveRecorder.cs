using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>Records what training costs and reaches, and passes on what it is told.</summary>
/// <param name="model">What is trained.</param>
/// <param name="shown">Is told everything.</param>
/// <param name="reached">Is called once a validation is at least as good as the goal.</param>
/// <param name="goal">Bits per byte; null for none.</param>
internal sealed class CurveRecorder(ModelDescription model, ITrainingObserver shown, Action reached, double? goal) : ITrainingObserver
{
    private readonly List<CurvePoint> _points = [];

    /// <summary>The backward pass costs twice the forward pass: gradients of weights, and of values.</summary>
    private readonly double _flopsPerToken = ((3.0 * model.ForwardFlops) + model.RecomputedFlops) / ((double)model.Batch * model.Context);

    public IReadOnlyList<CurvePoint> Points => _points;

    public double Seconds { get; private set; }

    public double Flops { get; private set; }

    public void Stepped(StepReport report)
    {
        Seconds += report.Seconds;
        Flops += report.Tokens * _flopsPerToken;
        shown.Stepped(report);
    }

    public void Validated(int step, EvaluationResult result)
    {
        shown.Validated(step, result);
        if (result.IsProvisional) return; // of another model than the recipe's
        _points.Add(new CurvePoint(step, Seconds, Flops, result.BitsPerByte));
        if (result.BitsPerByte <= goal) reached();
    }

    public void Continues(int step) => shown.Continues(step);

    public void Noticed(string message) => shown.Noticed(message);
}
