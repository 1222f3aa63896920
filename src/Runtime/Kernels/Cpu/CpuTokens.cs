using ModelCompiler.Runtime.Native;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Drawn tokens on the CPU: copies of rows, of any element type.</summary>
internal static unsafe class CpuTokens
{
    /// <summary>SplitMix64's step from state to state.</summary>
    private const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Selection sampling (Knuth, algorithm S): each token in turn is taken with the chance of the places left among the tokens left.</summary>
    public static void Draw(ulong seed, int batch, int tokens, Tensor indices)
    {
        var count = indices.numel() / batch;
        var into = (long*)Cpu.Elements(indices, ScalarType.Int64, batch * count);
        if (count > tokens) throw new ArgumentException($"{count} of {tokens} tokens cannot be drawn.", nameof(indices));
        for (var sequence = 0; sequence < batch; sequence++)
        {
            var left = count;
            for (var token = 0; left > 0; token++)
            {
                var random = DropoutSeed.Mix(seed + (Golden * ((ulong)(sequence * (long)tokens) + (ulong)token)));
                if ((long)Math.BigMul(random, (ulong)(tokens - token), out _) >= left) continue;
                *into++ = token;
                left--;
            }
        }
    }

    public static void Gather(Tensor x, Tensor indices, int batch, Tensor y)
    {
        var rows = Rows.Of(x, y, indices, batch);
        Threads.For(batch * rows.Kept, Cpu.RowGrain(x.size(1)), new GatherRange { Rows = rows });
    }

    public static void Scatter(Tensor x, Tensor rows, Tensor indices, int batch, Tensor y)
    {
        if (y.dtype != x.dtype || y.numel() != x.numel()) throw new ArgumentException("The result must be of the matrix's type and shape.", nameof(y));
        var kept = Rows.Of(x, rows, indices, batch);
        Threads.For(batch * kept.Tokens, Cpu.RowGrain(x.size(1)), new ScatterRange { Rows = kept, Y = (byte*)Cpu.Pointer(y) });
    }

    /// <summary>The rows of all tokens, and those of the drawn ones.</summary>
    private struct Rows
    {
        public byte* All, Drawn;
        public long* Indices;
        public long Tokens, Kept, Bytes;

        /// <exception cref="ArgumentException">The indices do not fit the matrices, or are not ascending tokens of their sequences.</exception>
        public static Rows Of(Tensor all, Tensor drawn, Tensor indices, int batch)
        {
            var (tokens, kept) = (all.size(0) / batch, indices.numel() / batch);
            if (drawn.dtype != all.dtype || drawn.size(1) != all.size(1) || drawn.size(0) != batch * kept || kept * batch != indices.numel() || tokens * batch != all.size(0))
                throw new ArgumentException($"{indices.numel()} indices of {batch} sequences do not fit [{string.Join(", ", all.shape)}] and [{string.Join(", ", drawn.shape)}].", nameof(indices));
            var at = (long*)Cpu.Elements(indices, ScalarType.Int64, batch * kept);
            for (var i = 0L; i < batch * kept; i++)
            {
                if (at[i] >= tokens || at[i] < (i % kept == 0 ? 0 : at[i - 1] + 1))
                    throw new ArgumentException($"Index {at[i]} is no token of {tokens} after the one before it.", nameof(indices));
            }

            return new() { All = (byte*)Cpu.Pointer(all), Drawn = (byte*)Cpu.Pointer(drawn), Indices = at, Tokens = tokens, Kept = kept, Bytes = all.size(1) * all.element_size() };
        }
    }

    private struct GatherRange : IRange
    {
        public Rows Rows;

        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var token = (row / Rows.Kept * Rows.Tokens) + Rows.Indices[row];
                Buffer.MemoryCopy(Rows.All + (token * Rows.Bytes), Rows.Drawn + (row * Rows.Bytes), Rows.Bytes, Rows.Bytes);
            }
        }
    }

    private struct ScatterRange : IRange
    {
        public Rows Rows;
        public byte* Y;

        public readonly void Run(long begin, long end)
        {
            var drawn = 0L;
            for (var row = begin; row < end; row++)
            {
                var (sequence, token) = (row / Rows.Tokens, row % Rows.Tokens);
                var last = (sequence + 1) * Rows.Kept;
                if (drawn < sequence * Rows.Kept) drawn = sequence * Rows.Kept;
                while (drawn < last && Rows.Indices[drawn] < token) drawn++;
                var isDrawn = drawn < last && Rows.Indices[drawn] == token;
                byte* from = isDrawn ? Rows.Drawn + (drawn * Rows.Bytes) : Rows.All + (row * Rows.Bytes), into = Y + (row * Rows.Bytes);
                if (from != into) Buffer.MemoryCopy(from, into, Rows.Bytes, Rows.Bytes);
            }
        }
    }
}
