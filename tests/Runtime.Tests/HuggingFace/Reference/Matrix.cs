namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>A matrix in double precision with the few functions that Transformers are made of, in plain loops.</summary>
internal sealed record Matrix(int Rows, int Columns, double[] Values)
{
    public Matrix(int rows, int columns)
        : this(rows, columns, new double[rows * columns])
    {
    }

    public double this[int row, int column]
    {
        get => Values[(row * Columns) + column];
        set => Values[(row * Columns) + column] = value;
    }

    public static Matrix operator +(Matrix a, Matrix b) => new(a.Rows, a.Columns, [.. a.Values.Zip(b.Values, (x, y) => x + y)]);

    public Matrix Times(Matrix other) => new(Rows, Columns, [.. Values.Zip(other.Values, (x, y) => x * y)]);

    public Matrix Map(Func<double, double> function) => new(Rows, Columns, [.. Values.Select(function)]);

    public Matrix Transposed()
    {
        var y = new Matrix(Columns, Rows);
        for (var i = 0; i < Rows; i++)
            for (var j = 0; j < Columns; j++)
                y[j, i] = this[i, j];
        return y;
    }

    /// <summary>x Wᵀ + b, with W [out, in].</summary>
    public Matrix Linear(Matrix weight, double[]? bias = null)
    {
        var y = new Matrix(Rows, weight.Rows);
        for (var i = 0; i < Rows; i++)
        {
            for (var j = 0; j < weight.Rows; j++)
            {
                var sum = bias?[j] ?? 0;
                for (var k = 0; k < Columns; k++)
                    sum += this[i, k] * weight[j, k];
                y[i, j] = sum;
            }
        }

        return y;
    }

    /// <summary>Rows of the matrix by their numbers.</summary>
    public Matrix Take(IReadOnlyList<int> rows)
    {
        var y = new Matrix(rows.Count, Columns);
        for (var i = 0; i < rows.Count; i++)
            for (var j = 0; j < Columns; j++)
                y[i, j] = this[rows[i], j];
        return y;
    }

    /// <summary>Columns from <paramref name="start"/> on.</summary>
    public Matrix Slice(int start, int count)
    {
        var y = new Matrix(Rows, count);
        for (var i = 0; i < Rows; i++)
            for (var j = 0; j < count; j++)
                y[i, j] = this[i, start + j];
        return y;
    }

    public Matrix LayerNorm(double[] weight, double[] bias, double epsilon)
    {
        var y = new Matrix(Rows, Columns);
        for (var i = 0; i < Rows; i++)
        {
            double mean = 0, variance = 0;
            for (var j = 0; j < Columns; j++)
                mean += this[i, j] / Columns;
            for (var j = 0; j < Columns; j++)
                variance += (this[i, j] - mean) * (this[i, j] - mean) / Columns;
            for (var j = 0; j < Columns; j++)
                y[i, j] = ((this[i, j] - mean) / Math.Sqrt(variance + epsilon) * weight[j]) + bias[j];
        }

        return y;
    }

    public Matrix RmsNorm(double[] weight, double epsilon)
    {
        var y = new Matrix(Rows, Columns);
        for (var i = 0; i < Rows; i++)
        {
            double square = 0;
            for (var j = 0; j < Columns; j++)
                square += this[i, j] * this[i, j] / Columns;
            for (var j = 0; j < Columns; j++)
                y[i, j] = this[i, j] / Math.Sqrt(square + epsilon) * weight[j];
        }

        return y;
    }

    /// <summary>
    /// Rotates the pairs (i, i + D/2) of each row by its position times the frequency of the pair (Su et al. 2021, in the order of
    /// Llama's checkpoints), and multiplies it.
    /// </summary>
    public Matrix Rotate(double[] frequencies, double magnitude)
    {
        var (y, half) = (new Matrix(Rows, Columns), Columns / 2);
        for (var position = 0; position < Rows; position++)
        {
            for (var i = 0; i < half; i++)
            {
                var angle = position * frequencies[i];
                y[position, i] = magnitude * ((this[position, i] * Math.Cos(angle)) - (this[position, i + half] * Math.Sin(angle)));
                y[position, i + half] = magnitude * ((this[position, i + half] * Math.Cos(angle)) + (this[position, i] * Math.Sin(angle)));
            }
        }

        return y;
    }

    /// <summary>softmax(q kᵀ / √D) v of one head; a position sees those for which <paramref name="sees"/> holds.</summary>
    public static Matrix Attend(Matrix q, Matrix k, Matrix v, Func<int, int, bool> sees)
    {
        var y = new Matrix(q.Rows, v.Columns);
        for (var i = 0; i < q.Rows; i++)
        {
            var weights = new double[k.Rows];
            for (var j = 0; j < k.Rows; j++)
            {
                if (!sees(i, j))
                    continue;
                for (var d = 0; d < q.Columns; d++)
                    weights[j] += q[i, d] * k[j, d];
                weights[j] = Math.Exp(weights[j] / Math.Sqrt(q.Columns));
            }

            var sum = weights.Sum();
            for (var j = 0; j < k.Rows; j++)
                for (var d = 0; d < v.Columns; d++)
                    y[i, d] += weights[j] / sum * v[j, d];
        }

        return y;
    }

    /// <summary>Heads side by side.</summary>
    public static Matrix Join(IReadOnlyList<Matrix> parts)
    {
        var y = new Matrix(parts[0].Rows, parts.Sum(part => part.Columns));
        for (var i = 0; i < y.Rows; i++)
        {
            var column = 0;
            foreach (var part in parts)
                for (var j = 0; j < part.Columns; j++)
                    y[i, column++] = part[i, j];
        }

        return y;
    }

    /// <summary>The tanh approximation of gelu, <c>gelu_new</c>.</summary>
    public static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    /// <summary>x Φ(x), with Φ by a series of positive terms (Abramowitz and Stegun 7.1.6).</summary>
    public static double Gelu(double x)
    {
        var (z, term, sum) = (Math.Abs(x) / Math.Sqrt(2), Math.Abs(x) / Math.Sqrt(2), Math.Abs(x) / Math.Sqrt(2));
        for (var n = 1; term > sum * 1e-17; n++)
            sum += term *= 2 * z * z / ((2 * n) + 1);
        var error = z > 6 ? 1 : 2 / Math.Sqrt(Math.PI) * Math.Exp(-z * z) * sum;
        return 0.5 * x * (1 + (Math.Sign(x) * error));
    }

    public static double Silu(double x) => x / (1 + Math.Exp(-x));
}
