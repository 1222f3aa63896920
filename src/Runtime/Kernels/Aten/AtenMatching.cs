using ModelCompiler.ModelDsl;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Gradients of losses between the layers of a student and of its teacher, by libtorch's kernels, on any device.</summary>
internal static class AtenMatching
{
    public static void Hidden(Tensor dy, Tensor y, Tensor teacher, LayerProjection? projection, double scale, bool accumulate, Tensor dx, Tensor sum)
    {
        using var scope = NewDisposeScope();
        var (student, taught) = (y.to(ScalarType.Float32), teacher.to(ScalarType.Float32));
        var difference = (projection is null ? student : student.matmul(projection.Weight.t())) - taught;
        sum.add_(difference.square().mean());
        var gradient = difference * (2 * scale / difference.numel());
        if (projection is not null)
        {
            Aten.Store(gradient.t().matmul(student), accumulate, projection.Gradient);
            gradient = gradient.matmul(projection.Weight);
        }

        dx.copy_(dy + gradient);
    }

    public static void Relations(Tensor dx, Tensor student, Tensor teacher, in Relations relations, int batch, int sequence, double scale, Tensor sum)
    {
        using var scope = NewDisposeScope();
        var pairs = relations.Kind == RelationKind.Minilm ? new[] { (0, 1), (2, 2) } : [(0, 0), (1, 1), (2, 2)];
        var forbidden = relations.Causal ? ones([sequence, sequence], ScalarType.Bool, dx.device).triu(1) : null;
        var share = 1.0 / (pairs.Length * batch);
        for (var b = 0; b < batch; b++)
        {
            using var pass = NewDisposeScope();
            var rows = dx.narrow(0, (long)b * sequence, sequence);
            var own = new Heads(student.narrow(0, (long)b * sequence, sequence), relations.Student, relations);
            var taught = new Heads(teacher.narrow(0, (long)b * sequence, sequence), relations.Teacher, relations);
            foreach (var (left, right) in pairs)
            {
                var (p, q) = (taught.Logarithms(left, right, forbidden), own.Logarithms(left, right, forbidden));
                // Positions that see each other not at all have no part: there both are −∞.
                var difference = forbidden is null ? p - q : (p - q).masked_fill(forbidden, 0);
                sum.add_((p.exp() * difference).sum(-1).mean() * share);
                var scores = (q.exp() - p.exp()) * (scale * share / (p.size(0) * sequence));
                own.AddGradient(left, right, scores, rows);
            }
        }
    }

    /// <summary>Queries, keys and values of one sequence, [T, (H + 2·Hkv)·D], as heads [A, T, d].</summary>
    private readonly struct Heads
    {
        private readonly Tensor[] _parts;
        private readonly (long Start, long Width, int Repeated)[] _places;

        public Heads(Tensor packed, in PackedHeads layout, in Relations relations)
        {
            var size = packed.size(1) / (layout.Heads + (2 * layout.KvHeads));
            var (queries, keys) = (layout.Heads * size, layout.KvHeads * size);
            var (minilm, heads) = (relations.Kind == RelationKind.Minilm, relations.Heads);
            // The distributions of attention are those of its own heads, of which several may share a key.
            _places = [(0, queries, 1), (queries, keys, minilm ? layout.Heads / layout.KvHeads : 1), (queries + keys, keys, 1)];
            int[] counts = minilm ? [layout.Heads, layout.KvHeads, layout.KvHeads] : [heads, heads, heads];
            _parts = new Tensor[3];
            for (var i = 0; i < 3; i++)
            {
                var (start, width, repeated) = _places[i];
                var split = packed.narrow(1, start, width).to(ScalarType.Float32).view(packed.size(0), counts[i], width / counts[i]).transpose(0, 1);
                _parts[i] = repeated == 1 ? split : split.repeat_interleave(repeated, 0);
            }
        }

        /// <summary>log softmax of left · rightᵀ / √d over the positions that each sees, [A, T, T].</summary>
        public Tensor Logarithms(int left, int right, Tensor? forbidden)
        {
            var scores = _parts[left].matmul(_parts[right].transpose(1, 2)) / Math.Sqrt(_parts[left].size(2));
            return nn.functional.log_softmax(forbidden is null ? scores : scores.masked_fill(forbidden, double.NegativeInfinity), -1);
        }

        /// <summary>Adds what the gradient of the scores [A, T, T] makes of the gradient of the packed rows.</summary>
        public void AddGradient(int left, int right, Tensor scores, Tensor rows)
        {
            scores = scores / Math.Sqrt(_parts[left].size(2));
            Add(left, scores.matmul(_parts[right]), rows);
            Add(right, scores.transpose(1, 2).matmul(_parts[left]), rows);
        }

        private void Add(int part, Tensor gradient, Tensor rows)
        {
            var (start, width, repeated) = _places[part];
            if (repeated > 1) gradient = gradient.view(gradient.size(0) / repeated, repeated, gradient.size(1), gradient.size(2)).sum(1);
            rows.narrow(1, start, width).add_(gradient.transpose(0, 1).reshape(rows.size(0), width).to(rows.dtype));
        }
    }
}
