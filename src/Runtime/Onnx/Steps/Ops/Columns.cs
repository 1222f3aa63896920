using System.Runtime.CompilerServices;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Copies columns of rows between values.</summary>
/// <param name="x">The first of them.</param>
/// <param name="from">Width of the rows that they are in.</param>
/// <param name="y">Where they go.</param>
/// <param name="to">Width of the rows there.</param>
/// <param name="width">Columns.</param>
/// <param name="rows">Rows.</param>
internal sealed unsafe class Columns(int x, int from, int y, int to, int width, int rows) : StepOp
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        float* input = context.Values + x, output = context.Values + y;
        for (var row = 0; row < rows; row++, input += from, output += to) new ReadOnlySpan<float>(input, width).CopyTo(new(output, width));
    }
}
