namespace ModelCompiler.Runtime.Inference;

/// <summary>The tokens that may be drawn, and their probabilities. Of equally likely tokens those with the lower id come first.</summary>
internal sealed class Candidates
{
    private int[] _tokens = [];
    private int[] _sorted = [];
    private int[] _order = [];
    private float[] _weights = [];
    private float[] _keys = [];
    private int _count;
    private double _total;

    private Span<float> Weights => _weights.AsSpan(0, _count);

    /// <summary>Those of logits, or the <paramref name="most"/> most likely of them; 0 for all.</summary>
    public void Load(ReadOnlySpan<float> logits, float largest, float temperature, int most)
    {
        if (_tokens.Length != logits.Length)
        {
            (_tokens, _sorted, _order) = (new int[logits.Length], new int[logits.Length], new int[logits.Length]);
            (_weights, _keys) = (new float[logits.Length], new float[logits.Length]);
        }

        var least = most > 0 && most < logits.Length ? NthLargest(logits, most) : float.NegativeInfinity;
        var tied = most;
        foreach (var logit in logits)
            if (logit > least) tied--;
        (_count, _total) = (0, 0);
        for (var token = 0; token < logits.Length; token++)
        {
            if (logits[token] < least || (most > 0 && logits[token] == least && tied-- <= 0)) continue;
            if (MathF.Exp((logits[token] - largest) / temperature) is not (> 0 and var weight)) continue;
            (_tokens[_count], _weights[_count]) = (token, weight);
            _total += _weights[_count++];
        }
    }

    /// <summary>The fewest, the most likely first, that have a share of the probability.</summary>
    public void KeepNucleus(double share)
    {
        // Tokens less likely than (1 − share) / count have less than 1 − share together, so the others contain the nucleus: sort only those.
        var floor = (1 - share) * _total / _count;
        var kept = 0;
        for (var i = 0; i < _count; i++)
            if (_weights[i] >= floor) (_tokens[kept], _weights[kept++]) = (_tokens[i], _weights[i]);
        _count = kept;
        for (var i = 0; i < _count; i++) _keys[i] = -_weights[i];
        Sort();
        KeepFirst(share);
    }

    /// <summary>Those with a share of the probability of the most likely one.</summary>
    public void KeepAbove(double share)
    {
        var largest = 0f;
        foreach (var weight in Weights) largest = MathF.Max(largest, weight);
        var (kept, total) = (0, 0.0);
        for (var i = 0; i < _count; i++)
        {
            if (_weights[i] < share * largest) continue;
            (_tokens[kept], _weights[kept]) = (_tokens[i], _weights[i]);
            total += _weights[kept++];
        }

        (_count, _total) = (kept, total);
    }

    /// <summary>The fewest whose information is nearest to the entropy, that have a share of the probability.</summary>
    public void KeepTypical(double share)
    {
        var entropy = 0.0;
        foreach (var weight in Weights) entropy -= weight / _total * Math.Log(weight / _total);
        for (var i = 0; i < _count; i++) _keys[i] = (float)Math.Abs(-Math.Log(_weights[i] / _total) - entropy);
        Sort();
        KeepFirst(share);
    }

    /// <summary>Writes the probabilities of all tokens.</summary>
    public void Store(Span<float> probabilities)
    {
        probabilities.Clear();
        for (var i = 0; i < _count; i++) probabilities[_tokens[i]] = (float)(_weights[i] / _total);
    }

    private void KeepFirst(double share)
    {
        var (sum, kept) = (0.0, 0);
        while (kept < _count && sum < share * _total) sum += _weights[kept++];
        (_count, _total) = (kept, sum);
    }

    /// <summary>By keys; candidates of one key stay in their order.</summary>
    private void Sort()
    {
        Span<float> keys = _keys.AsSpan(0, _count);
        Span<int> order = _order.AsSpan(0, _count);
        for (var i = 0; i < _count; i++) order[i] = i;
        keys.Sort(order);
        for (var start = 0; start < _count;)
        {
            var end = start + 1;
            while (end < _count && keys[end] == keys[start]) end++;
            order[start..end].Sort();
            start = end;
        }

        for (var i = 0; i < _count; i++) (_keys[i], _sorted[i]) = (_weights[order[i]], _tokens[order[i]]);
        (_keys, _weights) = (_weights, _keys);
        (_sorted, _tokens) = (_tokens, _sorted);
    }

    /// <summary>The n-th largest of values (Hoare's selection).</summary>
    private float NthLargest(ReadOnlySpan<float> values, int n)
    {
        values.CopyTo(_keys);
        var (low, high) = (0, _keys.Length - 1);
        while (low < high)
        {
            var (pivot, i, j) = (_keys[(low + high) / 2], low, high);
            while (i <= j)
            {
                while (_keys[i] > pivot) i++;
                while (_keys[j] < pivot) j--;
                if (i > j) break;
                (_keys[i], _keys[j]) = (_keys[j], _keys[i]);
                (i, j) = (i + 1, j - 1);
            }

            if (n - 1 <= j) high = j;
            else if (n - 1 >= i) low = i;
            else break;
        }

        return _keys[n - 1];
    }
}
