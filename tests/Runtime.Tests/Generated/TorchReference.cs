using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>
/// The forward pass of a declaration in plain TorchSharp, written from the language's definition and apart from the
/// compiler: its autograd is the oracle of the generated backward pass.
/// </summary>
public sealed partial class TorchReference
{
    private readonly ModelSpec _spec;
    private readonly int _step;
    private int _sites;
    private readonly Dictionary<string, Tensor> _memory = [];
    private bool _training;
    private Tensor? _auxiliary;

    /// <param name="model">Its parameters are copied.</param>
    /// <param name="file">Name of the declaration, without folder.</param>
    /// <param name="step">The training step, on which dropout masks depend.</param>
    public TorchReference(ICompiledModel model, string file, int step)
    {
        _step = step;
        _spec = YamlFrontend.Read(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Models", file)), file).Spec!;
        Parameters = model.Parameters.Parameters().ToDictionary(p => p.Name, p => p.Value.clone().requires_grad_(true));
        Seed = model.Description.Training.Seed;
        foreach (var (name, value) in model.Frozen?.Parameters() ?? [])
        {
            var layer = name.Replace(".weight", "");
            Parameters[name] = Parameters.TryGetValue(layer + ".lora_a", out var a)
                ? value + (Parameters[layer + ".lora_b"].mm(a) * model.Description.Adapt!.Scale)
                : value;
        }
    }

    public int Seed { get; init; }

    /// <summary>Under <c>token-drop</c>, the tokens of a sequence that the middle layers see; null for all.</summary>
    public int? Kept { get; init; }

    /// <summary>The tokens [B, K] that the layer being run sees; null for all.</summary>
    private Tensor? _drawn;

    /// <summary>The outputs [B, T, C] of the layers of repeated blocks, as they are run.</summary>
    public List<Tensor> Outputs { get; } = [];

    /// <summary>Queries, keys and values [B, heads, T, D] as attention reads them, as it is run.</summary>
    public List<Tensor[]> Heads { get; } = [];

    /// <summary>Leaves with gradients, by the names that checkpoints have.</summary>
    public Dictionary<string, Tensor> Parameters { get; }

    public Tensor Logits(Tensor tokens)
    {
        _sites = 0;
        var layers = FamilyLayers.Of(_spec);
        Begin(tokens);
        return Run(layers, tokens, Names(layers), "", 0);
    }

    /// <summary>The loss of a training step, and what is differentiated: the loss with the auxiliary ones of experts.</summary>
    public (Tensor Loss, Tensor Objective) Objective(Tensor tokens, Tensor targets)
    {
        (_training, _auxiliary) = (true, null);
        var loss = Loss(tokens, targets);
        return (loss, _auxiliary is null ? loss : loss + _auxiliary);
    }

    /// <summary>Names of layers by reference: the key, numbered where a function has several.</summary>
    private static Dictionary<LayerSpec, Queue<string>> Names(IEnumerable<LayerSpec> layers)
    {
        IEnumerable<LayerSpec> Flatten(LayerSpec layer) => layer switch
        {
            ResidualLayer r => r.Layers.SelectMany(Flatten).Prepend(layer),
            TwoBranchLayer m => m.Left.Concat(m.Right).SelectMany(Flatten).Prepend(layer),
            _ => [layer],
        };
        var flat = layers.SelectMany(Flatten).ToList();
        string Key(LayerSpec layer) => layer.Name
            ?? (layer is RepeatLayer ? "blocks" : KebabCase.Of(layer.GetType().Name.Replace("Layer", "")));
        var names = new Dictionary<LayerSpec, Queue<string>>(ReferenceEqualityComparer.Instance);
        foreach (var group in flat.GroupBy(Key))
        {
            var n = 0;
            foreach (var layer in group)
            {
                if (!names.TryGetValue(layer, out var queue)) names[layer] = queue = new();
                queue.Enqueue(group.Count() > 1 ? group.Key + ++n : group.Key);
            }
        }
        return names;
    }

    private Tensor Run(IEnumerable<LayerSpec> layers, Tensor x, Dictionary<LayerSpec, Queue<string>> names, string prefix, int depth)
    {
        foreach (var layer in layers)
        {
            var y = Run(layer, x, names, prefix, depth);
            if (prefix.Length == 0) Pass(layer, x, y);
            x = y;
        }
        return x;
    }

    private Tensor Run(LayerSpec layer, Tensor x, Dictionary<LayerSpec, Queue<string>> names, string prefix, int depth)
    {
        // A layer that stands in several places has the names of all of them, in their order.
        var own = names[layer].Dequeue();
        names[layer].Enqueue(own);
        var name = prefix + own;
        Tensor P(string parameter) => Parameters[$"{name}.{parameter}"];
        Tensor? Optional(string parameter) => Parameters.GetValueOrDefault($"{name}.{parameter}");
        Tensor Linear(Tensor input, string part) => F.linear(input, P(part + ".weight"), Optional(part + ".bias"));
        switch (layer)
        {
            case EmbeddingLayer embedding:
                var y = P("weight").index_select(0, x.flatten()).view(x.shape[0], x.shape[1], -1);
                if (embedding.Scale) y *= Math.Sqrt(y.shape[2]);
                if (embedding.TokenTypes is not null) y += P("types.weight").index_select(0, _types.flatten()).view_as(y);
                return embedding.Position == PositionKind.Learned ? y + P("position.weight").narrow(0, 0, x.shape[1]) : y;
            case RepeatLayer repeat:
                var first = _sites;
                for (var i = 0; i < repeat.Times; i++)
                {
                    // The layers of a block share the numbers of its dropout places.
                    _sites = first;
                    var set = i / (repeat.Times / (repeat.Share?.Groups ?? repeat.Times));
                    var all = x;
                    _drawn = Drawn(repeat, x, i);
                    if (_drawn is not null) x = x.gather(1, Wide(_drawn, x));
                    x = Run(repeat.Layers, x, Names(repeat.Layers), $"{name}.{set}.", i);
                    if (_drawn is not null) x = all.scatter(1, Wide(_drawn, x), x);
                    _drawn = null;
                    Outputs.Add(x);
                }
                return x;
            case ResidualLayer residual:
                return x + Run(residual.Layers, x, names, prefix, depth);
            case NormLayer { Kind: NormKind.Layer } norm:
                return F.layer_norm(x, [x.shape[^1]], P("weight"), Optional("bias"), norm.Epsilon);
            case NormLayer norm:
                return Rms(x, P("weight"), norm.Epsilon);
            case AttentionLayer attention:
                return F.linear(Attention(attention, x, Linear, P), P("proj.weight"), Optional("proj.bias"));
            case RelativeAttentionLayer attention:
                return F.linear(RelativeAttention(attention, x, name, P), P("proj.weight"));
            case LatentAttentionLayer attention:
                return F.linear(LatentAttention(attention, x, P), P("proj.weight"));
            case MlpLayer { Kind: MlpKind.Swiglu }:
                return Linear(F.silu(Linear(x, "gate")) * Linear(x, "up"), "down");
            case MlpLayer mlp:
                return Linear(Activate(mlp.Kind.ToString(), Linear(x, "up")), "down");
            case ExpertsLayer experts:
                return Experts(experts, x, P);
            case LinearLayer:
                return F.linear(x, P("weight"), Optional("bias"));
            case ConvolutionLayer convolution:
                var channels = x.shape[2];
                // libtorch's weight is [C, 1, K].
                var convolved = F.conv1d(
                    F.pad(x.transpose(1, 2), [convolution.Kernel - 1, 0]), P("weight").t().unsqueeze(1), Optional("bias"), groups: channels);
                return convolved.transpose(1, 2);
            case ActivationLayer activation:
                return Activate(activation.Kind.ToString(), x);
            case MultiplyLayer multiply:
                return Run(multiply.Left, x, names, prefix, depth) * Run(multiply.Right, x, names, prefix, depth);
            case AddLayer add:
                return Run(add.Left, x, names, prefix, depth) + Run(add.Right, x, names, prefix, depth);
            case DropoutLayer dropout:
                return x * Mask(dropout.Rate, x, depth);
            case ClassifierLayer classifier:
                Classes = F.linear(Pooled(classifier, x, Linear, depth), P("weight"), P("bias"));
                return x;
            case HeadLayer head:
                var logits = F.linear(x, head.TieEmbeddings ? Parameters["embedding.weight"] : P("weight"), Optional("bias"));
                return Cap(logits, head.Softcap);
            default:
                throw new NotSupportedException(layer.GetType().Name);
        }
    }

    /// <summary>The tokens that the kernel draws for a layer; null if it sees all.</summary>
    private Tensor? Drawn(RepeatLayer repeat, Tensor x, int layer)
    {
        if (Kept is not { } kept || layer < _spec.Efficiency.TokenDrop!.KeepLayers || layer >= repeat.Times - _spec.Efficiency.TokenDrop.KeepLayers) return null;
        var drawn = empty(x.shape[0] * kept, ScalarType.Int64);
        Kernels.DrawTokens(DropoutSeed.Of(Seed, _step, layer, site: -1), (int)x.shape[0], (int)x.shape[1], drawn);
        return drawn.view(-1, kept);
    }

    private static Tensor Wide(Tensor tokens, Tensor x) => tokens.unsqueeze(-1).expand(-1, -1, x.shape[2]);

    /// <summary>Every expert computes every position; gates of those that are not chosen, or are full, are zero.</summary>
    private Tensor Experts(ExpertsLayer layer, Tensor x, Func<string, Tensor> parameter)
    {
        var (rows, k) = (x.flatten(0, 1), layer.TopK);
        var probabilities = F.linear(rows, parameter("router.weight")).softmax(-1);
        var (top, chosen) = probabilities.topk(k);
        var gates = k == 1 ? top : top / top.sum(-1, keepdim: true);
        var (taken, kept) = (new double[layer.Count], new float[rows.shape[0] * k]);
        var limit = _training && layer.Capacity is { } capacity ? Math.Ceiling(capacity * kept.Length / layer.Count) : kept.Length;
        var experts = chosen.data<long>().ToArray();
        for (var c = 0; c < k; c++)
            for (var i = c; i < kept.Length; i += k)
                kept[i] = taken[experts[i]]++ < limit ? 1 : 0;
        var shares = zeros_like(probabilities).scatter_add(1, chosen, gates * tensor(kept).view(-1, k));
        var fractions = tensor(taken.Select(t => (float)(t / kept.Length)).ToArray());
        var balance = layer.Balance * layer.Count * (fractions * probabilities.mean([0])).sum();
        _auxiliary = _auxiliary is null ? balance : _auxiliary + balance;

        var y = zeros_like(rows);
        for (var e = 0; e < layer.Count; e++)
        {
            Tensor Linear(Tensor input, string part) => F.linear(input, parameter($"{e}.{part}.weight"));
            var hidden = layer.Kind == MlpKind.Swiglu ? F.silu(Linear(rows, "gate")) * Linear(rows, "up") : Activate(layer.Kind.ToString(), Linear(rows, "up"));
            y += Linear(hidden, "down") * shares.narrow(1, e, 1);
        }
        return y.view(x.shape);
    }

    private Tensor Attention(AttentionLayer layer, Tensor x, Func<Tensor, string, Tensor> linear, Func<string, Tensor> parameter)
    {
        var (batch, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var size = layer.HeadSize ?? width / layer.Heads;
        Tensor Split(string part) => linear(x, part).view(batch, length, -1, size).transpose(1, 2);
        var (q, k, v) = (Split("q"), Split("k"), Split("v"));
        if (layer.QkNorm) (q, k) = (Rms(q, parameter("q_norm.weight"), 1e-6), Rms(k, parameter("k_norm.weight"), 1e-6));
        if (layer.Position == PositionKind.Rope) (q, k) = (Rotate(q, layer.RopeTheta, layer.RopeScaling), Rotate(k, layer.RopeTheta, layer.RopeScaling));
        Heads.Add([q, k, v]);
        var groups = layer.Heads / (layer.KvHeads ?? layer.Heads);
        (k, v) = (k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1));
        var scores = Cap(q.matmul(k.transpose(-1, -2)) / Math.Sqrt(size), layer.Softcap);
        var all = ones(length, length, ScalarType.Bool);
        if (layer.Causal) scores = scores.masked_fill(all.triu(1), double.NegativeInfinity);
        if (layer.Window is { } window) scores = scores.masked_fill(all.tril(-window), double.NegativeInfinity);
        // Of dropped tokens a part is here, and only models without padding drop any.
        var whole = length == _seen.shape[1];
        var y = (whole ? WithoutPaddingKeys(scores) : scores).softmax(-1).matmul(v).transpose(1, 2).reshape(batch, length, -1);
        return whole ? WithoutPadding(y) : y;
    }

    /// <summary>Keys and values made of latents, all of them, and rotated columns beside.</summary>
    private Tensor LatentAttention(LatentAttentionLayer layer, Tensor x, Func<string, Tensor> parameter)
    {
        var (batch, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var size = layer.HeadSize ?? width / layer.Heads;
        Tensor Heads(Tensor from, string part, long of) => F.linear(from, parameter(part + ".weight")).view(batch, length, -1, of).transpose(1, 2);
        Tensor Latent(string part) => Rms(F.linear(x, parameter(part + "_down.weight")), parameter(part + "_norm.weight"), 1e-6);
        Tensor Rotated(Tensor from, string part) => Rotate(Heads(from, part, layer.RopeWidth), layer.RopeTheta, layer.RopeScaling);

        var queries = layer.QRank is null ? x : Latent("q");
        var made = Heads(Latent("kv"), "kv", size);
        var (keys, values) = (made.narrow(1, 0, layer.Heads), made.narrow(1, layer.Heads, layer.Heads));
        var q = cat([Heads(queries, "q", size), Rotated(queries, "q_rope")], -1);
        var k = cat([keys, Rotated(x, "k_rope").expand(-1, layer.Heads, -1, -1)], -1);
        var scores = q.matmul(k.transpose(-1, -2)) / Math.Sqrt(size + layer.RopeWidth);
        var hidden = ones(length, length, ScalarType.Bool).triu(1);
        return scores.masked_fill(hidden, double.NegativeInfinity).softmax(-1).matmul(values).transpose(1, 2).reshape(batch, length, -1);
    }

    private static Tensor Cap(Tensor x, double? cap) => cap is { } c ? (x / c).tanh() * c : x;

    /// <summary>Keys of distances by index, without shift; the memory is what the layer had as x before, without gradient.</summary>
    private Tensor RelativeAttention(RelativeAttentionLayer layer, Tensor x, string name, Func<string, Tensor> parameter)
    {
        var (batch, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var all = _memory.TryGetValue(name, out var before) ? cat([before, x], 1) : x;
        var memory = all.shape[1] - length;
        _memory[name] = all.narrow(1, all.shape[1] - Math.Min(all.shape[1], layer.Memory), Math.Min(all.shape[1], layer.Memory)).detach();
        Tensor Heads(Tensor of) => of.view(of.shape[0], of.shape[1], layer.Heads, -1).transpose(1, 2);
        var q = F.linear(x, parameter("q.weight"));
        var (k, v) = (Heads(F.linear(all, parameter("k.weight"))), Heads(F.linear(all, parameter("v.weight"))));

        var distances = (arange(length).unsqueeze(1) + memory - arange(all.shape[1]).unsqueeze(0)).clamp(min: 0);
        var frequencies = pow(tensor(10_000f), -arange(0, width, 2, ScalarType.Float32) / width);
        var angles = outer(arange(all.shape[1], ScalarType.Float32).clamp(max: layer.ClampLength ?? int.MaxValue), frequencies);
        var r = F.linear(cat([angles.sin(), angles.cos()], -1), parameter("r.weight"));
        var keys = r.index_select(0, distances.flatten()).view(length, all.shape[1], layer.Heads, -1); // [T, M + T, H, D]
        var byContent = Heads(q + parameter("content_bias")).matmul(k.transpose(-1, -2));
        var byDistance = einsum("bhtd,tshd->bhts", Heads(q + parameter("position_bias")), keys);
        var hidden = (arange(all.shape[1]).unsqueeze(0) - memory).gt(arange(length).unsqueeze(1));
        if (layer.SameLength) hidden = hidden.logical_or(distances.ge(layer.Memory));
        var scores = (byContent + byDistance) / Math.Sqrt(width / layer.Heads);
        return scores.masked_fill(hidden, double.NegativeInfinity).softmax(-1).matmul(v).transpose(1, 2).reshape(batch, length, width);
    }

    /// <summary>The half-split rotation: pairs (i, i + D/2).</summary>
    private Tensor Rotate(Tensor x, double theta, RopeScalingSpec? scaling)
    {
        var (length, size) = (x.shape[2], x.shape[3]);
        var (frequencies, magnitude) = ReferenceFrequencies.Of((int)size, theta, scaling, _spec.Architecture.Context);
        var positions = _drawn is null ? arange(length, ScalarType.Float64).view(1, -1) : _drawn.to(ScalarType.Float64);
        var angles = (positions.view(-1, 1, length, 1) * tensor(frequencies)).to(ScalarType.Float32);
        var (a, b) = (x.narrow(-1, 0, size / 2), x.narrow(-1, size / 2, size / 2));
        return cat([(a * angles.cos()) - (b * angles.sin()), (a * angles.sin()) + (b * angles.cos())], -1) * magnitude;
    }

    private static Tensor Rms(Tensor x, Tensor weight, double epsilon) => x * (x.pow(2).mean([-1], true) + epsilon).rsqrt() * weight;

    private static Tensor Activate(string kind, Tensor x) => kind switch
    {
        "Gelu" => F.gelu(x),
        "GeluTanh" => x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x.pow(3)))).tanh()) / 2,
        "Silu" => F.silu(x),
        "Relu" => F.relu(x),
        "Tanh" => x.tanh(),
        _ => F.relu(x).pow(2),
    };

    /// <summary>The mask that the kernel draws, scaled, as a constant.</summary>
    private Tensor Mask(double rate, Tensor x, int layer)
    {
        if (!Drops) return ones_like(x);
        var ones = torch.ones(x.shape[0] * x.shape[1], x.shape[2]);
        var (y, mask) = (empty_like(ones), empty(ones.shape, ScalarType.Byte));
        Kernels.Dropout(ones, rate, DropoutSeed.Of(Seed, _step, layer, _sites++), y, mask);
        return y.view(x.shape);
    }
}
