using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Fake quantization by libtorch's operators, on any device.</summary>
internal static class AtenFakeQuantize
{
    public static void Run(Tensor x, int bits, int group, bool symmetric, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = (x.size(0), x.size(1));
        var groups = (columns + group - 1) / group;
        var values = nn.functional.pad(x, [0, (groups * group) - columns]).view(rows, groups, group);
        var (largest, smallest) = ((1 << (bits - 1)) - 1, -(1 << (bits - 1)));
        Tensor least = values.amin([2], keepdim: true).clamp_max(0), most = values.amax([2], keepdim: true).clamp_min(0);
        var scale = symmetric ? where(most > -least, most, least) / smallest : (most - least) / (largest - smallest);
        var safe = where(scale == 0, ones_like(scale), scale);
        var zero = symmetric ? zeros_like(scale) : (smallest - (least / safe)).round().clamp(smallest, largest);
        var rounded = (((values / safe).round() + zero).clamp(smallest, largest) - zero) * scale;
        y.copy_(rounded.view(rows, groups * group).narrow(1, 0, columns));
    }
}
