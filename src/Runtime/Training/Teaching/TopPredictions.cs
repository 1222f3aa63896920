using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>The k most likely tokens of a head, and the mass of the others.</summary>
public static class TopPredictions
{
    private const int RowsPerPass = 256;

    /// <summary>Reads them to the host, some rows at a time.</summary>
    /// <param name="x">[N, C]: what the head reads.</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="bias">[V], or null.</param>
    /// <param name="softcap">The bound of the logits; 0 for none.</param>
    /// <param name="temperature">What the logits are divided by.</param>
    /// <param name="ids">[N, k]: receives the tokens, the likeliest first.</param>
    /// <param name="logs">[N, k + 1]: receives the logarithms of their probabilities, and that of all others together.</param>
    public static void Read(Tensor x, Tensor weight, Tensor? bias, double softcap, double temperature, Span<long> ids, Span<float> logs)
    {
        var (rows, k) = (x.size(0), ids.Length / (int)x.size(0));
        for (var first = 0L; first < rows; first += RowsPerPass)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(RowsPerPass, rows - first);
            var logits = nn.functional.linear(x.narrow(0, first, count), weight, bias).to(ScalarType.Float32);
            if (softcap > 0) logits = (logits / softcap).tanh() * softcap;
            var all = nn.functional.log_softmax(logits / temperature, -1);
            var (most, indices) = all.topk(k, -1);
            var rest = all.scatter(1, indices, full_like(most, double.NegativeInfinity)).logsumexp(1, keepdim: true);
            indices.contiguous().cpu().data<long>().ToArray().CopyTo(ids[(int)(first * k)..]);
            cat([most, rest], 1).contiguous().cpu().data<float>().ToArray().CopyTo(logs[(int)(first * (k + 1))..]);
        }
    }
}
