using ModelCompiler.Benchmarks.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Benchmarks.HandWritten;

/// <summary>
/// GPT-2's architecture as an expert writes it with TorchSharp: pre-norm, learned positions, fused qkv projection,
/// scaled_dot_product_attention, untied head. The master weights are fp32; with bf16 compute each weight is cast
/// where it is used, so activations, products and saved tensors are bf16 and gradients arrive in fp32.
/// </summary>
internal sealed class Gpt : nn.Module<Tensor, Tensor>
{
    private readonly Embedding _embedding;
    private readonly Parameter _position;
    private readonly Norm _finalNorm;
    private readonly Projection _head;
    private readonly ModuleList<Block> _blocks;
    private readonly ScalarType _compute;

    public Gpt(ModelShape shape, ScalarType compute)
        : base(nameof(Gpt))
    {
        _compute = compute;
        var (vocabulary, width) = (shape.Vocabulary, shape.Width);
        _embedding = nn.Embedding(vocabulary, width);
        nn.init.normal_(_embedding.weight!, 0, 0.02);
        _position = new Parameter(randn(shape.Context, width) * 0.02);
        _finalNorm = new Norm(width);
        _head = new Projection(width, vocabulary, bias: false, compute);
        _blocks = new(Enumerable.Range(0, shape.Layers).Select(_ => new Block(width, shape.Heads, compute)).ToArray());
        RegisterComponents();
    }

    /// <summary>Logits fp32 [B·T, V] of tokens [B, T].</summary>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var x = (_embedding.forward(tokens) + _position).to(_compute);
        foreach (var block in _blocks)
            x = block.forward(x);
        var logits = _head.forward(_finalNorm.forward(x));
        return logits.view(-1, logits.shape[^1]).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Norm _norm1;
        private readonly Norm _norm2;
        private readonly Projection _qkv;
        private readonly Projection _out;
        private readonly Projection _up;
        private readonly Projection _down;
        private readonly int _heads;

        public Block(int width, int heads, ScalarType compute)
            : base(nameof(Block))
        {
            _heads = heads;
            _norm1 = new Norm(width);
            _norm2 = new Norm(width);
            _qkv = new Projection(width, 3 * width, bias: true, compute);
            _out = new Projection(width, width, bias: true, compute);
            _up = new Projection(width, 4 * width, bias: true, compute);
            _down = new Projection(4 * width, width, bias: true, compute);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var (batch, sequence, width) = (x.shape[0], x.shape[1], x.shape[2]);
            var qkv = _qkv.forward(_norm1.forward(x))
                .view(batch, sequence, 3, _heads, width / _heads)
                .permute(2, 0, 3, 1, 4)
                .unbind(0);
            var attended = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: true)
                .transpose(1, 2)
                .reshape(batch, sequence, width);
            x = x + _out.forward(attended);
            x = x + _down.forward(F.gelu(_up.forward(_norm2.forward(x))));
            return x.MoveToOuterDisposeScope();
        }
    }

    private sealed class Norm : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weight;
        private readonly Parameter _bias;
        private readonly long[] _shape;

        public Norm(int width)
            : base(nameof(Norm))
        {
            _shape = [width];
            _weight = new Parameter(ones(width));
            _bias = new Parameter(zeros(width));
            RegisterComponents();
        }

        // libtorch normalizes bf16 activations with fp32 weights: no cast.
        public override Tensor forward(Tensor x) => F.layer_norm(x, _shape, _weight, _bias);
    }

    private sealed class Projection : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weight;
        private readonly Parameter? _bias;
        private readonly ScalarType _compute;

        public Projection(int inputs, int outputs, bool bias, ScalarType compute)
            : base(nameof(Projection))
        {
            _compute = compute;
            _weight = new Parameter(randn(outputs, inputs) * 0.02);
            _bias = bias ? new Parameter(zeros(outputs)) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            return F.linear(x, _weight.to(_compute), _bias?.to(_compute)).MoveToOuterDisposeScope();
        }
    }
}
