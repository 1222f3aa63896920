using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>A product's input, rounded to 8 bits: for each group its scale, and its sum in multiples of that; beyond the input's end zeros.</summary>
/// <param name="x">[inputs]</param>
/// <param name="inputs">Columns of the weights.</param>
/// <param name="group">Columns that have a scale.</param>
/// <param name="codes">Where bytes from −127 to 127 go, a whole number of groups of them.</param>
/// <param name="scales">Where scale and sum of each group go.</param>
internal sealed unsafe class Rounding(int x, int inputs, int group, int codes, int scales) : StepOp
{
    private const int Most = 127;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        float* input = context.Values + x, scale = context.Values + scales;
        var code = (sbyte*)(context.Values + codes);
        for (var start = 0; start < inputs; start += group, scale += 2)
        {
            var end = Math.Min(inputs, start + group);
            var largest = Vector512<float>.Zero;
            for (var i = start; i < end; i += Lanes.Count) largest = Vector512.Max(largest, Vector512.Abs(Lanes.Load((Fp32*)input, i, end)));
            scale[0] = Lanes.Max(largest) / Most;
            var (inverse, sum) = (Vector512.Create(scale[0] > 0 ? 1 / scale[0] : 0), Vector512<int>.Zero);
            for (var i = start; i < end; i += Lanes.Count)
            {
                var rounded = Vector512.ConvertToInt32Native(Vector512.Round(Lanes.Load((Fp32*)input, i, end) * inverse));
                sum += rounded;
                Narrow(rounded).Store(code + i);
            }

            scale[1] = scale[0] * Vector512.Sum(sum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Narrow(Vector512<int> code)
    {
        var half = Vector256.Narrow(code.GetLower(), code.GetUpper());
        return Vector128.Narrow(half.GetLower(), half.GetUpper());
    }
}
