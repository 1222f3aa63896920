using ModelCompiler.Benchmarks.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.HandWritten;

/// <summary>Training of a model that is written by hand: autograd, gradient clipping and TorchSharp's AdamW.</summary>
internal sealed class HandWrittenTraining : ITrainingSide
{
    private const double ClipNorm = 1.0;

    private readonly ModelShape _shape;
    private readonly Device _device;
    private readonly nn.Module<Tensor, Tensor> _model;
    private readonly AdamW _optimizer;
    private readonly Parameter[] _parameters;

    private HandWrittenTraining(ModelShape shape, Device device, nn.Module<Tensor, Tensor> model)
    {
        (_shape, _device, _model) = (shape, device, model.to(device));
        _parameters = _model.parameters().ToArray();
        _optimizer = optim.AdamW(_parameters, lr: 3e-4, beta1: 0.9, beta2: 0.95, weight_decay: 0.1);
    }

    public static HandWrittenTraining Gpt(ModelShape shape, ScalarType compute, Device device) => new(shape, device, new Gpt(shape, compute));

    public static HandWrittenTraining Llama(ModelShape shape) => new(shape, CPU, new Llama(shape));

    public long? PlannedBytes => null;

    public double Step(long[] tokens, long[] targets)
    {
        using var scope = NewDisposeScope();
        var input = tensor(tokens, device: _device).view(_shape.Batch, _shape.Context);
        _optimizer.zero_grad();
        var loss = nn.functional.cross_entropy(_model.forward(input), tensor(targets, device: _device));
        loss.backward();
        nn.utils.clip_grad_norm_(_parameters, ClipNorm);
        _optimizer.step();
        return loss.item<float>();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _model.Dispose();
    }
}
