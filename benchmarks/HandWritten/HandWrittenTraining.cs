using ModelCompiler.Benchmarks.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.HandWritten;

/// <summary>Training of <see cref="Gpt"/>: autograd, gradient clipping and TorchSharp's AdamW.</summary>
internal sealed class HandWrittenTraining : ITrainingSide
{
    private const double ClipNorm = 1.0;

    private readonly Gpt _model;
    private readonly AdamW _optimizer;
    private readonly Parameter[] _parameters;

    public HandWrittenTraining(ScalarType compute)
    {
        _model = new Gpt(ModelShape.Vocabulary, ModelShape.Context, ModelShape.Layers, ModelShape.Width, ModelShape.Heads, compute);
        _parameters = _model.parameters().ToArray();
        _optimizer = optim.AdamW(_parameters, lr: 3e-4, beta1: 0.9, beta2: 0.95, weight_decay: 0.1);
    }

    public long? PlannedBytes => null;

    public double Step(long[] tokens, long[] targets)
    {
        using var scope = NewDisposeScope();
        var input = tensor(tokens).view(ModelShape.Batch, ModelShape.Context);
        _optimizer.zero_grad();
        var loss = nn.functional.cross_entropy(_model.forward(input), tensor(targets));
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
