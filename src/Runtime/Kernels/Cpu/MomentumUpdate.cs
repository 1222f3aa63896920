using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>An update rule with one number of state per parameter.</summary>
internal interface IMomentumRule
{
    void Apply(ref Vector512<float> parameter, ref Vector512<float> state, Vector512<float> gradient);
}

/// <summary>Optimizers with one buffer of state on the CPU: one pass over parameters, gradients and state.</summary>
internal static unsafe class MomentumUpdate
{
    /// <param name="parameters">fp32</param>
    /// <param name="gradients">fp32, as many</param>
    /// <param name="state">fp32, as many</param>
    /// <param name="rule">The rule with its constants.</param>
    public static void Run<TRule>(Tensor parameters, Tensor gradients, Tensor state, TRule rule)
        where TRule : struct, IMomentumRule
    {
        var length = parameters.numel();
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Groups<TRule>
        {
            P = Cpu.Elements<Fp32>(parameters, length), G = Cpu.Elements<Fp32>(gradients, length), M = Cpu.Elements<Fp32>(state, length),
            Length = length, Rule = rule,
        });
    }

    private struct Groups<TRule> : IRange
        where TRule : struct, IMomentumRule
    {
        public Fp32* P, G, M;
        public long Length;
        public TRule Rule;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var rule = Rule;
            var stop = Math.Min(Length, end * Lanes.Count);
            for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count)
            {
                var (parameter, state) = (Lanes.Load(P, i, Length), Lanes.Load(M, i, Length));
                rule.Apply(ref parameter, ref state, Lanes.Load(G, i, Length));
                Lanes.Store(P, i, Length, parameter);
                Lanes.Store(M, i, Length, state);
            }
        }
    }
}
