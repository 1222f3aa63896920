namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>
/// Transformer-XL in double precision, written from the paper (Dai et al. 2019) and apart from the compiler: each score is a
/// sum over the distance of its two positions, without shift, and each query looks for the positions of its document.
/// </summary>
/// <param name="model">Its parameters are copied.</param>
/// <param name="layers">Layers of the family's block.</param>
/// <param name="heads">H</param>
/// <param name="memory">M</param>
internal sealed class TransformerXlReference(ICompiledModel model, int layers, int heads, int memory)
{
    private readonly Dictionary<string, double[]> _parameters = model.Parameters.Parameters()
        .ToDictionary(p => p.Name, p => p.Value.data<float>().ToArray().Select(value => (double)value).ToArray());

    private readonly int _width = (int)model.Parameters.Parameters().First(p => p.Name == "embedding.weight").Value.size(1);

    // By layer, the inputs at the positions before the segment, the last M of them.
    private readonly List<Position>[] _memory = [.. Enumerable.Range(0, layers).Select(_ => new List<Position>())];
    private int _document;

    public int Clamp { get; init; } = int.MaxValue;

    public bool SameLength { get; init; }

    public int EndOfText { get; init; } = -1;

    public Func<double, double> Activation { get; init; } = x => Math.Max(x, 0);

    /// <summary>The logits [V] at each position of the next segment.</summary>
    public double[][] Segment(IEnumerable<int> tokens)
    {
        var positions = tokens.Select(token =>
        {
            if (token == EndOfText) _document++;
            return new Position(_parameters["embedding.weight"].AsSpan(token * _width, _width).ToArray(), _document);
        }).ToList();

        for (var layer = 0; layer < layers; layer++)
        {
            var (name, all) = ($"blocks.{layer}.", _memory[layer].Concat(positions).ToList());
            var before = _memory[layer].Count;
            _memory[layer] = all.TakeLast(memory).ToList();
            positions = positions.Select((position, t) => position with { X = Block(name, all, before + t) }).ToList();
        }

        var head = _parameters.GetValueOrDefault("head.weight") ?? _parameters["embedding.weight"];
        return [.. positions.Select(position => Product(head, position.X))];
    }

    private double[] Block(string name, List<Position> all, int at)
    {
        var x = all[at].X;
        x = Norm(name + "norm1", Sum(x, Product(_parameters[name + "attention.proj.weight"], Attend(name + "attention.", all, at))));
        var hidden = Linear(name + "mlp.up", x).Select(Activation).ToArray();
        return Norm(name + "norm2", Sum(x, Linear(name + "mlp.down", hidden)));
    }

    private double[] Attend(string name, List<Position> all, int at)
    {
        double[] Project(string part, double[] x) => Product(_parameters[name + part + ".weight"], x);
        var size = _width / heads;
        var (q, y) = (Project("q", all[at].X), new double[_width]);
        var seen = Enumerable.Range(0, at + 1)
            .Where(s => all[s].Document == all[at].Document && (!SameLength || at - s < memory)).ToList();
        var (keys, values) = (seen.Select(s => Project("k", all[s].X)).ToList(), seen.Select(s => Project("v", all[s].X)).ToList());
        var distances = seen.Select(s => Project("r", Encoding(Math.Min(Clamp, at - s)))).ToList();
        for (var head = 0; head < heads; head++)
        {
            var columns = Enumerable.Range(head * size, size).ToList();
            var scores = seen.Select((_, i) => columns.Sum(c =>
                ((q[c] + _parameters[name + "content_bias"][c]) * keys[i][c])
                + ((q[c] + _parameters[name + "position_bias"][c]) * distances[i][c])) / Math.Sqrt(size)).ToArray();
            var weights = scores.Select(score => Math.Exp(score - scores.Max())).ToArray();
            foreach (var c in columns) y[c] = weights.Select((w, i) => w * values[i][c]).Sum() / weights.Sum();
        }

        return y;
    }

    private double[] Encoding(int distance)
    {
        double Angle(int i) => distance / Math.Pow(10_000, 2.0 * i / _width);
        var half = Enumerable.Range(0, _width / 2).ToList();
        return [.. half.Select(i => Math.Sin(Angle(i))), .. half.Select(i => Math.Cos(Angle(i)))];
    }

    private double[] Linear(string name, double[] x) => Sum(Product(_parameters[name + ".weight"], x), _parameters[name + ".bias"]);

    private double[] Norm(string name, double[] x)
    {
        var mean = x.Average();
        var deviation = Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + 1e-5);
        return x.Select((v, c) => ((v - mean) / deviation * _parameters[name + ".weight"][c]) + _parameters[name + ".bias"][c]).ToArray();
    }

    private static double[] Product(double[] weight, double[] x) =>
        [.. Enumerable.Range(0, weight.Length / x.Length).Select(row => x.Select((v, c) => v * weight[(row * x.Length) + c]).Sum())];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    /// <summary>A layer's input at a position, and the document that the position is of.</summary>
    private sealed record Position(double[] X, int Document);
}
