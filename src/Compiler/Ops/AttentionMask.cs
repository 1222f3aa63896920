using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Which keys a query sees and what becomes of its scores: the attributes of attention that a node has only where it differs from
/// plain causal attention.
/// </summary>
/// <param name="Causal">A query sees no later key.</param>
/// <param name="Window">A query sees itself and the window − 1 keys before it (Beltagy et al. 2020); 0 for all of them.</param>
/// <param name="Softcap">Scores s become c · tanh(s / c) (Gemma 2, 2024); 0 for scores as they are.</param>
internal readonly record struct AttentionMask(bool Causal, int Window, double Softcap)
{
    public static AttentionMask Of(Attributes attributes) => new(
        !attributes.Has("causal") || attributes.Bool("causal"),
        attributes.Has("window") ? attributes.Int("window") : 0,
        attributes.Has("softcap") ? attributes.Double("softcap") : 0);

    public Attributes AddTo(Attributes attributes)
    {
        if (!Causal) attributes = attributes.With("causal", false);
        if (Window > 0) attributes = attributes.With("window", (long)Window);
        return Softcap > 0 ? attributes.With("softcap", Softcap) : attributes;
    }

    /// <summary>The keys that the query at a position sees.</summary>
    public (int First, int End) Keys(int query, int length) =>
        (Window > 0 ? Math.Max(0, query + 1 - Window) : 0, Causal ? query + 1 : length);

    /// <summary>Keys that are counted for each query: like the literature, those behind a causal query too.</summary>
    public long CountedKeys(long length) => Window > 0 ? Math.Min(Window, length) : length;

    /// <summary>c · tanh(s / c)</summary>
    public double Cap(double score) => Softcap > 0 ? Softcap * Math.Tanh(score / Softcap) : score;

    /// <summary>The derivative of <see cref="Cap"/> by what it gave.</summary>
    public double Slope(double capped) => Softcap > 0 ? 1 - (capped * capped / (Softcap * Softcap)) : 1;

    /// <summary>The arguments by which a kernel differs from plain causal attention.</summary>
    public IEnumerable<KernelArgument> Arguments()
    {
        if (!Causal) yield return "causal: false";
        if (Window > 0) yield return "window: " + ((KernelArgument)(long)Window).Text;
        if (Softcap > 0) yield return "softcap: " + ((KernelArgument)Softcap).Text;
    }
}
