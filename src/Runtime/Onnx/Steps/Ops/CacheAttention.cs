using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Causal attention of the token over the keys and values before it, to which its own have been added.</summary>
internal sealed unsafe class CacheAttention : IStepOp
{
    private const int Key = 3, Value = 4, Cosines = 7, Sines = 8;

    private readonly int _shared, _size, _context, _keys, _values, _queries, _y;
    private readonly AttentionMask _mask;
    private readonly StepParts _heads;

    private CacheAttention(StepBuilder builder, NodeProto node, AppendToCache append, int queries, int heads)
    {
        (_keys, _values, _context, _size, _queries) = (append.Keys, append.Values, append.Context, append.Size, queries);
        _shared = heads / append.KvHeads;
        _mask = AttentionMask.Plain with { Window = (int)Math.Max(0, node.Int("local_window_size")), Softcap = node.Float("softcap") };
        _heads = builder.Parts(heads, 2L * append.KvHeads * _context * _size * sizeof(float));
        _y = builder.Add(node.Output[0], heads * _size).Offset;
    }

    public int Parts => _heads.Count;

    public static bool Add(StepBuilder builder, NodeProto node)
    {
        // Nothing behind the rotations: positions, a bias, sinks, scales of caches in 8 bits.
        if (builder.Find(node.Input[0]) is not { } x || node.Input.Count > Sines + 1 || node.Int("causal", 1) == 0) return false;
        if (builder.PositionsOf(node.Input[Key]) is not { } context) return false;
        var (heads, kvHeads) = ((int)node.Int("num_heads"), (int)node.Int("kv_num_heads"));
        var size = x.Count / (heads + (2 * kvHeads));
        var queries = x;
        if (node.Int("do_rotary") == 1)
        {
            queries = builder.Add(node.Output[0] + ".rotated", x.Count);
            builder.Ops.Add(new Rotation(builder.Kept<float>(node.Input[Cosines]), builder.Kept<float>(node.Input[Sines]), x.Offset, queries.Offset, heads + kvHeads, kvHeads, size));
        }

        var append = new AppendToCache(builder.Cache(node.Input[Key]), builder.Cache(node.Input[Value]), queries.Offset + (heads * size), kvHeads, size, context);
        builder.Ops.Add(append);
        builder.Ops.Add(new CacheAttention(builder, node, append, queries.Offset, heads));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context, int part)
    {
        var (first, end) = _heads.Of(part);
        CpuCachedAttention.Attend(
            (Fp32*)(context.Values + _queries), (Fp32*)context.Cache(_keys), (Fp32*)context.Cache(_values), context.Position, _context, _size, _shared, _mask,
            (Fp32*)(context.Values + _y), first, end);
    }
}
