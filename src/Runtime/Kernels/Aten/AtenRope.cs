using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Rotary position embedding by libtorch's kernels, on any device, in fp32.</summary>
internal static class AtenRope
{
    public static void Rotate(
        Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position, bool inverse, Tensor y, Tensor? positions = null)
    {
        using var scope = NewDisposeScope();
        var from = x.view(batch, sequence, heads + (2 * kvHeads), -1);
        var into = y.view(batch, sequence, heads + (2 * kvHeads), -1);
        var half = from.size(3) / 2;

        // Angles in double: at position 1000, fp32 would already be off by 1e-4.
        var frequencies = exp(arange(half, ScalarType.Float64, x.device) * (-Math.Log(theta) / half));
        var at = positions?.to(ScalarType.Float64) ?? arange(position, position + sequence, ScalarType.Float64, x.device);
        var angles = outer(at, frequencies).view(sequence, 1, half);
        var (cosine, sine) = (angles.cos().to(ScalarType.Float32), angles.sin().to(ScalarType.Float32));
        if (inverse) sine.neg_();

        var rotated = from.narrow(2, 0, heads + kvHeads).to(ScalarType.Float32);
        var (first, second) = (rotated.narrow(3, 0, half), rotated.narrow(3, half, half));
        var (left, right) = ((first * cosine) - (second * sine), (second * cosine) + (first * sine));
        if (!Aten.Same(x, y)) into.narrow(2, heads + kvHeads, kvHeads).copy_(from.narrow(2, heads + kvHeads, kvHeads));
        into.narrow(2, 0, heads + kvHeads).narrow(3, 0, half).copy_(left);
        into.narrow(2, 0, heads + kvHeads).narrow(3, half, half).copy_(right);
    }
}
