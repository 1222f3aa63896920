using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>
/// Causal attention of the token over the keys and values before it, to which its own are added; perhaps with rotary positions.
/// </summary>
internal sealed unsafe class CacheAttention : IStepOp
{
    private const int Key = 3, Value = 4, Cosines = 7, Sines = 8;

    private readonly int _heads, _kvHeads, _size, _context, _keys, _values, _x, _rotated, _y;
    private readonly AttentionMask _mask;
    private readonly float* _cosines, _sines;

    private CacheAttention(StepBuilder builder, NodeProto node, StepValue x, int context)
    {
        (_heads, _kvHeads, _context) = ((int)node.Int("num_heads"), (int)node.Int("kv_num_heads"), context);
        _size = x.Count / (_heads + (2 * _kvHeads));
        _mask = AttentionMask.Plain with { Window = (int)Math.Max(0, node.Int("local_window_size")), Softcap = node.Float("softcap") };
        (_keys, _values) = (builder.Cache(node.Input[Key]), builder.Cache(node.Input[Value]));
        if (node.Int("do_rotary") == 1)
        {
            _cosines = builder.Floats(node.Input[Cosines]);
            _sines = builder.Floats(node.Input[Sines]);
            _rotated = builder.Add(node.Output[0] + ".rotated", x.Count).Offset;
        }

        (_x, _y) = (x.Offset, builder.Add(node.Output[0], _heads * _size).Offset);
    }

    public static bool Add(StepBuilder builder, NodeProto node)
    {
        // Nothing behind the rotations: positions, a bias, sinks, scales of caches in 8 bits.
        if (builder.Find(node.Input[0]) is not { } x || node.Input.Count > Sines + 1 || node.Int("causal", 1) == 0) return false;
        if (builder.PositionsOf(node.Input[Key]) is not { } context) return false;
        builder.Ops.Add(new CacheAttention(builder, node, x, context));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context)
    {
        var qkv = context.Values + _x;
        if (_cosines is not null)
        {
            Rotate(qkv, context.Values + _rotated, context.Position);
            qkv = context.Values + _rotated;
        }

        CpuCachedAttention.Step(
            (Fp32*)qkv, (Fp32*)context.Cache(_keys), (Fp32*)context.Cache(_values), context.Position, _context, _size, _heads, _kvHeads, _mask,
            (Fp32*)(context.Values + _y));
    }

    /// <summary>Pairs (i, i + D/2) of each query and key head, turned by the row of the position; values as they are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rotate(float* from, float* to, int position)
    {
        var half = _size / 2;
        float* cosines = _cosines + ((long)position * half), sines = _sines + ((long)position * half);
        for (var head = 0; head < _heads + _kvHeads; head++, from += _size, to += _size)
        {
            for (var i = 0; i < half; i += Lanes.Count)
            {
                Vector512<float> first = Lanes.Load((Fp32*)from, i, half), second = Lanes.Load((Fp32*)(from + half), i, half);
                Vector512<float> cosine = Lanes.Load((Fp32*)cosines, i, half), sine = Lanes.Load((Fp32*)sines, i, half);
                Lanes.Store((Fp32*)to, i, half, (first * cosine) - (second * sine));
                Lanes.Store((Fp32*)(to + half), i, half, (second * cosine) + (first * sine));
            }
        }

        new ReadOnlySpan<float>(from, _kvHeads * _size).CopyTo(new(to, _kvHeads * _size));
    }
}
