using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// Learned projections of a student's layers to the width of its teacher's. They belong to training alone: they lie in a store of their own, are
/// updated by AdamW (Loshchilov and Hutter 2019) at the run's learning rate, and are in the checkpoints of the run but no part of the model.
/// </summary>
public sealed class LayerProjections : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8, Clip = 1;

    private readonly ParameterStore _store;
    private readonly AdamWOptimizer _optimizer;
    private readonly LayerProjection[] _layers;

    /// <param name="device">Where the steps run.</param>
    /// <param name="layers">Layers of the student.</param>
    /// <param name="width">Their width, C.</param>
    /// <param name="teacherWidth">That of the teacher's, C'.</param>
    /// <param name="seed">Of the initialization.</param>
    public LayerProjections(Device device, int layers, int width, int teacherWidth, int seed)
    {
        var length = (long)width * teacherWidth;
        var layout = Enumerable.Range(0, layers).Select(i => new ParameterInfo(
            $"distillation.projections.{i}", [teacherWidth, width], i * length, Decay: true, ParameterInit.Normal(1 / Math.Sqrt(width))));
        _store = new ParameterStore(device, [.. layout], ScalarType.Float32);
        _store.Initialize(seed);
        _optimizer = new AdamWOptimizer(_store, Beta1, Beta2, Epsilon, weightDecay: 0, vectorDecay: 0, Clip);
        _layers = [.. _store.Layout.Select(info => new LayerProjection(_store.MasterView(info.Offset, info.Shape), _store.GradientView(info.Offset, info.Shape)))];
    }

    /// <summary>That of a layer of the student.</summary>
    public LayerProjection this[int layer] => _layers[layer];

    public void Dispose()
    {
        _optimizer.Dispose();
        _store.Dispose();
    }

    internal void Update(int step, double learningRate, double lossScale) => _optimizer.Step(step, learningRate, lossScale);

    internal void Describe(CheckpointTable table)
    {
        table.Tensor("projections", _store.Master);
        foreach (var (name, values) in _optimizer.State.OrderBy(entry => entry.Key, StringComparer.Ordinal)) table.Tensor("projections." + name, values);
    }
}
