using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>The token's keys and values, into the caches [Hkv, context, D].</summary>
/// <param name="keys">The number of their cache.</param>
/// <param name="values">The number of theirs.</param>
/// <param name="kv">Where they are: keys, then values.</param>
/// <param name="kvHeads">Hkv.</param>
/// <param name="size">D.</param>
/// <param name="context">Positions of a cache.</param>
internal sealed unsafe class AppendToCache(int keys, int values, int kv, int kvHeads, int size, int context) : StepOp
{
    public int Keys => keys;

    public int Values => values;

    public int KvHeads => kvHeads;

    public int Size => size;

    public int Context => context;

    protected override void Run(in StepContext token) =>
        CpuCachedAttention.Append(token.Values + kv, token.Cache(keys), token.Cache(values), token.Position, context, size, kvHeads);
}
