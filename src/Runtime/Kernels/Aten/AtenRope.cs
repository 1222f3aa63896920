using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Rotary position embedding by libtorch's kernels, on any device, in fp32.</summary>
internal static class AtenRope
{
    public static void Rotate(
        Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position, bool inverse, Tensor y,
        RopeScaling scaling, Tensor? positions = null)
    {
        using var scope = NewDisposeScope();
        var from = x.view(batch, sequence, heads + (2 * kvHeads), -1);
        var into = y.view(batch, sequence, heads + (2 * kvHeads), -1);
        var half = from.size(3) / 2;

        var (cosine, sine) = positions is null
            ? Halves(RopeTables.On(x.device, half, theta, scaling, position + sequence).narrow(0, position, sequence))
            : Halves(RopeTables.At(positions, half, theta, scaling));
        if (inverse) sine = -sine;

        var rotated = from.narrow(2, 0, heads + kvHeads).to(ScalarType.Float32);
        var (first, second) = (rotated.narrow(3, 0, half), rotated.narrow(3, half, half));
        var (left, right) = ((first * cosine) - (second * sine), (second * cosine) + (first * sine));
        if (!Aten.Same(x, y)) into.narrow(2, heads + kvHeads, kvHeads).copy_(from.narrow(2, heads + kvHeads, kvHeads));
        into.narrow(2, 0, heads + kvHeads).narrow(3, 0, half).copy_(left);
        into.narrow(2, 0, heads + kvHeads).narrow(3, half, half).copy_(right);
    }
    /// <summary>Cosines and sines, [sequence, 1, D/2] each.</summary>
    private static (Tensor Cosine, Tensor Sine) Halves(Tensor table) => (table.narrow(1, 0, 1), table.narrow(1, 1, 1));
}
