using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Rotary positions: pairs (i, i + D/2) of each query and key head, turned by the row of the token's position; values as they are.</summary>
/// <param name="cosines">[positions, D/2]</param>
/// <param name="sines">[positions, D/2]</param>
/// <param name="x">Queries, keys and values.</param>
/// <param name="y">The same, turned.</param>
/// <param name="heads">Of queries and keys.</param>
/// <param name="kvHeads">Of values.</param>
/// <param name="size">D.</param>
internal sealed unsafe class Rotation(float* cosines, float* sines, int x, int y, int heads, int kvHeads, int size) : StepOp
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        float* from = context.Values + x, to = context.Values + y;
        var half = size / 2;
        float* cosine = cosines + ((long)context.Position * half), sine = sines + ((long)context.Position * half);
        for (var head = 0; head < heads; head++, from += size, to += size)
        {
            for (var i = 0; i < half; i += Lanes.Count)
            {
                Vector512<float> first = Lanes.Load((Fp32*)from, i, half), second = Lanes.Load((Fp32*)(from + half), i, half);
                Vector512<float> c = Lanes.Load((Fp32*)cosine, i, half), s = Lanes.Load((Fp32*)sine, i, half);
                Lanes.Store((Fp32*)to, i, half, (first * c) - (second * s));
                Lanes.Store((Fp32*)(to + half), i, half, (second * c) + (first * s));
            }
        }

        new ReadOnlySpan<float>(from, kvHeads * size).CopyTo(new(to, kvHeads * size));
    }
}
