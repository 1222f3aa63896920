using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>Muon over some matrices of one shape, orthogonalized together: views and working memory are made once.</summary>
internal sealed unsafe class MuonBatch : IDisposable
{
    private readonly MatrixGroup _matrices;
    private readonly NewtonSchulz _orthogonalize;
    private readonly Tensor _parameters, _gradients, _momentum;
    private readonly double* _partials;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="matrices">What is updated.</param>
    /// <param name="momentum">fp32 [count · rows · columns]</param>
    /// <param name="orthogonalize">For as many matrices of that shape.</param>
    public MuonBatch(ParameterStore store, MatrixGroup matrices, Tensor momentum, NewtonSchulz orthogonalize)
    {
        (_matrices, _orthogonalize) = (matrices, orthogonalize);
        _parameters = View(store.Master);
        _gradients = View(store.Gradients);
        _momentum = momentum.view(matrices.Count, matrices.Rows, matrices.Columns).DetachFromDisposeScope();
        if (Cpu.Takes(store.Master))
            _partials = (double*)NativeMemory.Alloc((nuint)(matrices.Count * CpuMuon.Pieces(matrices.Rows * matrices.Columns)), sizeof(double));

        Tensor View(Tensor buffer) => buffer
            .as_strided([matrices.Count, matrices.Rows, matrices.Columns], [matrices.Stride, matrices.Columns, 1], matrices.Offset)
            .DetachFromDisposeScope();
    }

    /// <summary>p ← keep·p − rate·O, where O are the nearest orthogonal matrices to the momentum.</summary>
    /// <param name="scale">The gradients are multiplied by it.</param>
    /// <param name="momentum">Share of the momentum that is kept.</param>
    /// <param name="nesterov">Whether the update looks ahead.</param>
    /// <param name="byOperators">Whether to use libtorch's operators rather than CPU kernels of ours.</param>
    public void Update(float scale, float momentum, bool nesterov, float keep, float rate, bool byOperators)
    {
        if (byOperators) UpdateByOperators(scale, momentum, nesterov, keep, rate);
        else if (Cpu.IsBf16(_orthogonalize.Input)) UpdateOnCpu<Bf16>(scale, momentum, nesterov, keep, rate);
        else UpdateOnCpu<Fp32>(scale, momentum, nesterov, keep, rate);
    }

    public void Dispose()
    {
        _orthogonalize.Dispose();
        _parameters.Dispose();
        _gradients.Dispose();
        _momentum.Dispose();
        NativeMemory.Free(_partials);
    }

    private void UpdateOnCpu<T>(float scale, float momentum, bool nesterov, float keep, float rate)
        where T : unmanaged, IElement<T>
    {
        var (stride, count, length) = (_matrices.Stride, _matrices.Count, _matrices.Rows * _matrices.Columns);
        CpuMuon.Direction(
            Cpu.First(_gradients), stride, Cpu.First(_momentum), (T*)Cpu.Pointer(_orthogonalize.Input), count, length, scale, momentum, nesterov, _partials);
        _orthogonalize.Run();
        CpuMuon.Apply(Cpu.First(_parameters), stride, (T*)Cpu.Pointer(_orthogonalize.Output), count, length, keep, rate);
    }

    private void UpdateByOperators(float scale, float momentum, bool nesterov, float keep, float rate)
    {
        using var scope = NewDisposeScope();
        _momentum.mul_(momentum).add_(_gradients, scale);
        var direction = nesterov ? (_gradients * scale).add_(_momentum, momentum) : _momentum;
        _orthogonalize.Input.copy_(direction / direction.square().sum([1, 2], keepdim: true).sqrt_().add_(1e-7f));
        _orthogonalize.Run();
        _parameters.mul_(keep).add_(_orthogonalize.Output, -rate);
    }
}
