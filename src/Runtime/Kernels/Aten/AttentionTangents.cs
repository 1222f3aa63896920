using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Tangents of attention and of its gradient by libtorch's batched products, on any device, in fp32. With scores S and probabilities P =
/// softmax(S), dP = P ∘ (dS − Σ P ∘ dS). Works within the caller's scope.
/// </summary>
internal sealed class AttentionTangents
{
    private readonly AttentionShape _shape;
    private readonly Tensor _q, _k, _v, _dq, _dk, _dv, _scores, _dScores, _probabilities, _dProbabilities;

    /// <param name="dqkv">[N, (H + 2·Hkv)·D]: the tangent.</param>
    /// <param name="qkv">As dqkv.</param>
    /// <param name="shape">Its dimensions.</param>
    public AttentionTangents(Tensor dqkv, Tensor qkv, in AttentionShape shape)
    {
        _shape = shape;
        (_q, _k, _v) = AtenAttention.Split(qkv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        (_dq, _dk, _dv) = AtenAttention.Split(dqkv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        _scores = AtenAttention.Scores(_q, _k, shape.Mask);
        _dScores = Scaled((_dq.matmul(_k.transpose(2, 3))).add_(_q.matmul(_dk.transpose(2, 3))));
        if (Slope is { } slope) _dScores = _dScores * slope;
        _probabilities = AtenAttention.Hide(_scores.clone(), position: 0, shape.Mask).softmax(-1);
        _dProbabilities = _probabilities * (_dScores - (_probabilities * _dScores).sum(-1, keepdim: true));
    }

    /// <summary>The derivative of the cap c · tanh(s / c) by what it gives; null without a cap.</summary>
    private Tensor? Slope => _shape.Mask.Softcap > 0 ? 1 - (_scores / _shape.Mask.Softcap).pow_(2) : null;

    /// <param name="y">[N, H·D]: the tangent of the output.</param>
    public void Forward(Tensor y) => Rows(y).copy_(_dProbabilities.matmul(_v).add_(_probabilities.matmul(_dv)));

    /// <param name="ddy">[N, H·D]: the tangent of dy.</param>
    /// <param name="dy">[N, H·D]</param>
    /// <param name="result">As qkv: the tangent of its gradient.</param>
    public void Backward(Tensor ddy, Tensor dy, Tensor result)
    {
        var (gradient, dGradient) = (Rows(dy), Rows(ddy));
        var values = _v.transpose(2, 3);
        var (product, dProduct) = (gradient.matmul(values), dGradient.matmul(values).add_(gradient.matmul(_dv.transpose(2, 3))));
        var dot = (_probabilities * product).sum(-1, keepdim: true);
        var dDot = ((_dProbabilities * product) + (_probabilities * dProduct)).sum(-1, keepdim: true);
        var inner = _probabilities * (product - dot);
        var dInner = (_dProbabilities * (product - dot)).add_(_probabilities * (dProduct - dDot));
        if (Slope is { } slope)
        {
            // The tangent of the slope 1 − (s / c)² is −2 · s · ds / c².
            dInner = (dInner * slope).add_(inner * _scores * _dScores * (-2 / (_shape.Mask.Softcap * _shape.Mask.Softcap)));
            inner = inner * slope;
        }

        var (raw, dRaw) = (Scaled(inner), Scaled(dInner));
        var dq = dRaw.matmul(_k).add_(raw.matmul(_dk));
        var dk = dRaw.transpose(2, 3).matmul(_q).add_(raw.transpose(2, 3).matmul(_dq));
        var dv = _dProbabilities.transpose(2, 3).matmul(gradient).add_(_probabilities.transpose(2, 3).matmul(dGradient));
        AtenAttention.Join(dq, dk, dv, _shape.Batch, _shape.Sequence, _shape.Heads, _shape.KvHeads, result);
    }

    private Tensor Scaled(Tensor x) => x * (1 / Math.Sqrt(_q.size(3)));

    private Tensor Rows(Tensor y) => AtenAttention.Rows(y, _shape.Batch, _shape.Sequence, _shape.Heads);
}
