namespace ModelCompiler.Runtime.Implementations;

/// <summary>Which keys a query sees and what becomes of its scores.</summary>
/// <param name="Causal">A query sees no later key.</param>
/// <param name="Window">A causal query sees itself and the window − 1 keys before it; 0 for all of them.</param>
/// <param name="Softcap">Scores s become c · tanh(s / c); 0 for scores as they are.</param>
internal readonly record struct AttentionMask(bool Causal, int Window, double Softcap)
{
    public static AttentionMask Plain => new(Causal: true, Window: 0, Softcap: 0);

    /// <summary>The keys that the query at a position sees, of so many.</summary>
    public (long First, long End) Keys(long query, long length) =>
        (Window > 0 ? Math.Max(0, query + 1 - Window) : 0, Causal ? query + 1 : length);

    /// <summary>What a choice of lowerings depends on; empty for plain causal attention.</summary>
    public override string ToString() =>
        (Causal ? "" : " both ways") + (Window > 0 ? FormattableString.Invariant($" window {Window}") : "") + (Softcap > 0 ? " softcap" : "");
}
