using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// Brings the singular values of matrices near 1 by five Newton-Schulz iterations of the quintic polynomial
/// a·X + (b·XXᵀ + c·(XXᵀ)²)·X with Jordan's (2024) coefficients, all matrices of a batch at once. It needs only products, and
/// bf16 suffices for them.
/// </summary>
internal sealed class NewtonSchulz : IDisposable
{
    private const int Iterations = 5;
    private const double A = 3.4445, B = -4.7750, C = 2.0315;

    private readonly List<Tensor> _views = [];
    private readonly Tensor _x, _xT, _y, _yT, _gram, _polynomial;
    private readonly bool _tall, _cuda;

    /// <param name="memory">Two buffers of at least count · rows · columns elements, two of count · m² with m the smaller dimension.</param>
    /// <param name="count">Matrices in the batch.</param>
    /// <param name="rows">Their first dimension.</param>
    /// <param name="columns">Their second dimension.</param>
    public NewtonSchulz((Tensor X, Tensor Y, Tensor Gram, Tensor Polynomial) memory, long count, long rows, long columns)
    {
        var m = Math.Min(rows, columns);
        (_tall, _cuda) = (rows > columns, memory.X.device_type == DeviceType.CUDA);
        _x = View(memory.X, rows, columns);
        _y = View(memory.Y, rows, columns);
        (_xT, _yT) = (Keep(_x.transpose(1, 2)), Keep(_y.transpose(1, 2)));
        _gram = View(memory.Gram, m, m);
        _polynomial = View(memory.Polynomial, m, m);

        Tensor View(Tensor buffer, long first, long second)
        {
            using var part = buffer.narrow(0, 0, count * first * second);
            return Keep(part.view(count, first, second));
        }

        Tensor Keep(Tensor view)
        {
            _views.Add(view.DetachFromDisposeScope());
            return view;
        }
    }

    /// <summary>[count, rows, columns], with singular values of at most 1.</summary>
    public Tensor Input => _x;

    /// <summary>[count, rows, columns]. An odd number of iterations ends in the other buffer.</summary>
    public Tensor Output => _y;

    public void Run()
    {
        var (x, xT, y, yT) = (_x, _xT, _y, _yT);
        for (var i = 0; i < Iterations; i++)
        {
            // The product over the larger dimension, so that the square matrices are small.
            MatrixProducts.Bmm(_gram.Handle, (_tall ? xT : x).Handle, (_tall ? x : xT).Handle, _cuda);
            MatrixProducts.AddBmm(_polynomial.Handle, _gram.Handle, _gram.Handle, _gram.Handle, B, C, _cuda);
            MatrixProducts.AddBmm(y.Handle, x.Handle, (_tall ? x : _polynomial).Handle, (_tall ? _polynomial : x).Handle, A, 1, _cuda);
            (x, xT, y, yT) = (y, yT, x, xT);
        }
    }

    public void Dispose()
    {
        foreach (var view in _views) view.Dispose();
    }
}
