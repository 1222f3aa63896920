using ModelCompiler.Benchmarks.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Benchmarks.HandWritten;

/// <summary>
/// Llama's architecture in fp32 as an expert writes it with TorchSharp: RMS norms, fused qkv and gate-up projections, rotary
/// positions by tables, scaled_dot_product_attention, SwiGLU, no biases, untied head.
/// </summary>
internal sealed class Llama : nn.Module<Tensor, Tensor>
{
    private readonly Embedding _embedding;
    private readonly Norm _finalNorm;
    private readonly Linear _head;
    private readonly ModuleList<Block> _blocks;

    public Llama(ModelShape shape)
        : base(nameof(Llama))
    {
        _embedding = nn.Embedding(shape.Vocabulary, shape.Width);
        nn.init.normal_(_embedding.weight!, 0, 0.02);
        _finalNorm = new Norm(shape.Width);
        _head = nn.Linear(shape.Width, shape.Vocabulary, hasBias: false);
        var size = shape.Width / shape.Heads;
        var angles = outer(arange(shape.Context, ScalarType.Float32), pow(10_000, arange(0, size, 2, ScalarType.Float32) / -size));
        var (cos, sin) = (cat([angles.cos(), angles.cos()], 1), cat([angles.sin(), angles.sin()], 1));
        _blocks = new(Enumerable.Range(0, shape.Layers).Select(_ => new Block(shape, cos, sin)).ToArray());
        RegisterComponents();
    }

    /// <summary>Logits [B·T, V] of tokens [B, T].</summary>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var x = _embedding.forward(tokens);
        foreach (var block in _blocks)
            x = block.forward(x);
        var logits = _head.forward(_finalNorm.forward(x));
        return logits.view(-1, logits.shape[^1]).MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Norm _norm1;
        private readonly Norm _norm2;
        private readonly Linear _qkv;
        private readonly Linear _out;
        private readonly Linear _gateUp;
        private readonly Linear _down;
        private readonly Tensor _cos;
        private readonly Tensor _sin;
        private readonly int _heads;

        public Block(ModelShape shape, Tensor cos, Tensor sin)
            : base(nameof(Block))
        {
            var width = shape.Width;
            var hidden = (((8 * width / 3) + 31) / 32) * 32;
            (_heads, _cos, _sin) = (shape.Heads, cos, sin);
            _norm1 = new Norm(width);
            _norm2 = new Norm(width);
            _qkv = nn.Linear(width, 3 * width, hasBias: false);
            _out = nn.Linear(width, width, hasBias: false);
            _gateUp = nn.Linear(width, 2 * hidden, hasBias: false);
            _down = nn.Linear(hidden, width, hasBias: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var (batch, sequence, width) = (x.shape[0], x.shape[1], x.shape[2]);
            var qkv = _qkv.forward(_norm1.forward(x)).view(batch, sequence, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4).unbind(0);
            var attended = F.scaled_dot_product_attention(Rotate(qkv[0]), Rotate(qkv[1]), qkv[2], is_casual: true)
                .transpose(1, 2)
                .reshape(batch, sequence, width);
            x = x + _out.forward(attended);
            var gateUp = _gateUp.forward(_norm2.forward(x)).chunk(2, -1);
            x = x + _down.forward(F.silu(gateUp[0]) * gateUp[1]);
            return x.MoveToOuterDisposeScope();
        }

        private Tensor Rotate(Tensor x)
        {
            var halves = x.chunk(2, -1);
            return (x * _cos) + (cat([-halves[1], halves[0]], -1) * _sin);
        }
    }

    private sealed class Norm : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weight;

        public Norm(int width)
            : base(nameof(Norm))
        {
            _weight = new Parameter(ones(width));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x * rsqrt(x.square().mean([-1], keepdim: true) + 1e-5) * _weight;
    }
}
