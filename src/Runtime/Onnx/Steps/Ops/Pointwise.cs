using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Functions of each element, and of pairs of them.</summary>
internal static unsafe class Pointwise
{
    public static bool AddSum(StepBuilder builder, NodeProto node) => AddBinary<Sum>(builder, node);

    public static bool AddProduct(StepBuilder builder, NodeProto node) => AddBinary<Implementations.Product>(builder, node);

    public static bool AddDifference(StepBuilder builder, NodeProto node) => AddBinary<Difference>(builder, node);

    public static bool AddQuotient(StepBuilder builder, NodeProto node) => AddBinary<Quotient>(builder, node);

    public static bool AddSigmoid(StepBuilder builder, NodeProto node) => AddUnary<Sigmoid>(builder, node);

    public static bool AddTanh(StepBuilder builder, NodeProto node) => AddUnary<Implementations.Tanh>(builder, node);

    public static bool AddRelu(StepBuilder builder, NodeProto node) => AddUnary<Implementations.Relu>(builder, node);

    public static bool AddGelu(StepBuilder builder, NodeProto node) => node.Text("approximate") == "tanh"
        ? AddUnary<Implementations.GeluTanh>(builder, node)
        : AddUnary<Implementations.Gelu>(builder, node);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Binary<TFunction>(float* a, float* b, float* y, int count)
        where TFunction : struct, IBinary
    {
        for (var i = 0; i < count; i += Lanes.Count)
            Lanes.Store((Fp32*)y, i, count, TFunction.Apply(Lanes.Load((Fp32*)a, i, count), Lanes.Load((Fp32*)b, i, count)));
    }

    private static bool AddUnary<TFunction>(StepBuilder builder, NodeProto node)
        where TFunction : struct, IUnary
    {
        if (builder.Find(node.Input[0]) is not { } x) return false;
        builder.Ops.Add(new UnaryOp<TFunction>(x, builder.Add(node.Output[0], x.Shape).Offset));
        return true;
    }

    private static bool AddBinary<TFunction>(StepBuilder builder, NodeProto node)
        where TFunction : struct, IBinary
    {
        if (builder.Find(node.Input[0]) is not { } a || builder.Operand(node.Input[1]) is not { } b) return false;
        if (b.Count != a.Count && b.Count != a.Width && b.Count != 1) return false;
        builder.Ops.Add(new BinaryOp<TFunction>(a, b, builder.Add(node.Output[0], a.Shape).Offset));
        return true;
    }

    private sealed class UnaryOp<TFunction>(StepValue x, int y) : StepOp
        where TFunction : struct, IUnary
    {
        private readonly int _count = x.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Run(in StepContext context)
        {
            Fp32* input = (Fp32*)(context.Values + x.Offset), output = (Fp32*)(context.Values + y);
            for (var i = 0; i < _count; i += Lanes.Count) Lanes.Store(output, i, _count, TFunction.Apply(Lanes.Load(input, i, _count)));
        }
    }

    private sealed class BinaryOp<TFunction>(StepValue a, StepOperand b, int y) : StepOp
        where TFunction : struct, IBinary
    {
        private readonly int _count = a.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Run(in StepContext context)
        {
            float* first = context.Values + a.Offset, second = b.At(context.Values), output = context.Values + y;
            if (b.Count > 1)
            {
                // Of each row, or of all.
                for (var row = 0; row < _count; row += b.Count) Binary<TFunction>(first + row, second, output + row, b.Count);
                return;
            }

            var all = Vector512.Create(*second);
            for (var i = 0; i < _count; i += Lanes.Count) Lanes.Store((Fp32*)output, i, _count, TFunction.Apply(Lanes.Load((Fp32*)first, i, _count), all));
        }
    }

    private readonly struct Difference : IBinary
    {
        public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a - b;
    }

    private readonly struct Quotient : IBinary
    {
        public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a / b;
    }

    private readonly struct Sigmoid : IUnary
    {
        public static Vector512<float> Apply(Vector512<float> x) => Lanes.Sigmoid(x);
    }
}
