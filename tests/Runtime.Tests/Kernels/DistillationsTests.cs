using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests;

public sealed class DistillationsTests : KernelTest
{
    private const long B = 3, T = 7, V = 67, C = 24, TeacherC = 16, Rows = 8;

    public static TheoryData<DivergenceKind, double, ScalarType, ScalarType, bool> Divergences
    {
        get
        {
            var cases = new TheoryData<DivergenceKind, double, ScalarType, ScalarType, bool>();
            foreach (var kind in Enum.GetValues<DivergenceKind>())
                foreach (var aten in new[] { false, true })
                {
                    cases.Add(kind, 1, ScalarType.Float32, ScalarType.Float32, aten);
                    cases.Add(kind, 2.5, ScalarType.Float32, ScalarType.BFloat16, aten);
                    cases.Add(kind, 2.5, ScalarType.BFloat16, ScalarType.BFloat16, aten);
                }
            return cases;
        }
    }

    /// <summary>
    /// Chunks that end within sequences, the last of them short; rows that do not count; weighted sequences; gradients that are added to; the
    /// input's into the input. The oracle is autograd in double precision over the loss as it is defined.
    /// </summary>
    [Theory]
    [MemberData(nameof(Divergences))]
    public void HeadCrossEntropyAndDivergenceInChunks(DivergenceKind kind, double temperature, ScalarType type, ScalarType teacherType, bool aten)
    {
        const double share = 0.3, beta = 0.4, cap = 3;
        var (x, weight, bias) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(2, type, V, C).mul_(0.3), Oracle.Normal(3, type, V));
        var (taught, head, headBias) = (Oracle.Normal(5, teacherType, B * T, TeacherC), Oracle.Normal(6, teacherType, V, TeacherC).mul_(0.3), Oracle.Normal(7, teacherType, V));
        var (targets, weights) = (Oracle.Integers(4, V, B, T), tensor(new[] { 2f, 1f, 0.5f }));
        targets.view(-1)[4..6] = tensor(-1L);
        var softcap = kind == DivergenceKind.ReverseKl ? cap : 0;
        var counts = targets.ge(0).to(ScalarType.Float64);
        Tensor Mean(Tensor rows) => ((rows.view(B, T) * counts).sum(1) * weights).sum() / counts.sum();
        Tensor Plain(Tensor[] i) => Mean(F.cross_entropy(F.linear(i[0], i[1], i[2]), targets.view(-1).clamp_min(0), reduction: nn.Reduction.None));
        Tensor Distance(Tensor[] i) => Mean(Divergence(F.linear(i[0], i[1], i[2]), Teacher(taught, head, headBias, softcap), kind, temperature, beta)) * (temperature * temperature);
        var (_, gradients) = Oracle.Differentiate(i => (Plain(i) * (1 - share)) + (Distance(i) * share), null, x, weight, bias);
        Tensor[] wide = [x.to(ScalarType.Float64), weight.to(ScalarType.Float64), bias.to(ScalarType.Float64)];
        var (plain, distance) = (Plain(wide), Distance(wide));

        var (loss, losses, value) = (Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, B), Oracle.Unwritten(ScalarType.Float32));
        var (chunk, teacherChunk) = (Oracle.Unwritten(type, Rows, V), Oracle.Unwritten(teacherType, Rows, V));
        var (dWeight, dBias) = (ones(V, C), ones(V));
        var divergence = new Divergence(kind, temperature, beta);
        if (aten)
            AtenDistillation.Run(x, weight, bias, targets, weights, chunk, new(x, dWeight, dBias, Accumulate: true, Scale: 8), loss, losses, null,
                new(new LinearTeacher(taught, head, headBias, softcap), teacherChunk, value, divergence, share, 1));
        else
            Kernels.LinearDistillationGrad(x, weight, bias, targets, weights, true, chunk, x, dWeight, dBias, loss, losses, null,
                taught, head, headBias, softcap, teacherChunk, value, divergence, share, 1, 8);

        var loose = Math.Max(Loose(type), Loose(teacherType));
        Oracle.Close(plain, loss, "loss", loose);
        Oracle.Close(distance, value, "divergence", loose * 2);
        Oracle.Close((gradients[1] * 8) + 1, dWeight, "dWeight", loose * 2);
        Oracle.Close((gradients[2] * 8) + 1, dBias, "dBias", loose * 2);
        Oracle.Close(gradients[0] * 8, x, "dx", loose * 2);
    }

    /// <summary>The k likeliest tokens and one outcome for all others: autograd over these k + 1, and over all where k is all.</summary>
    [Theory]
    [InlineData(DivergenceKind.ForwardKl, 5, false)]
    [InlineData(DivergenceKind.ReverseKl, 5, false)]
    [InlineData(DivergenceKind.JensenShannon, 5, false)]
    [InlineData(DivergenceKind.ForwardKl, (int)V, false)]
    [InlineData(DivergenceKind.JensenShannon, (int)V, false)]
    [InlineData(DivergenceKind.ReverseKl, 5, true)]
    public void PredictionsThatWereKept(DivergenceKind kind, int k, bool aten)
    {
        const double share = 0.6, beta = 0.4, temperature = 1.5;
        var (x, weight, bias) = (Oracle.Normal(1, ScalarType.Float32, B * T, C), Oracle.Normal(2, ScalarType.Float32, V, C).mul_(0.3), Oracle.Normal(3, ScalarType.Float32, V));
        var (taught, head) = (Oracle.Normal(5, ScalarType.Float32, B * T, TeacherC), Oracle.Normal(6, ScalarType.Float32, V, TeacherC).mul_(0.3));
        var targets = Oracle.Integers(4, V, B, T);
        var (ids, logs) = (new long[B * T * k], new float[B * T * (k + 1)]);
        TopPredictions.Read(taught, head, null, 0, temperature, ids, logs);
        var (most, kept) = (tensor(ids).view(B * T, k), tensor(logs).view(B * T, k + 1));
        var known = (Teacher(taught, head, zeros(V), 0) / temperature).softmax(-1);
        Oracle.Close(known.gather(1, most), kept.narrow(1, 0, k).exp(), "kept");
        Oracle.Close(known.topk(k).values, kept.narrow(1, 0, k).exp(), "likeliest");

        // The others as one outcome.
        Tensor Coarse(Tensor p) => k == V ? p : cat([p.gather(1, most), p.scatter(1, most, zeros(B * T, k, ScalarType.Float64)).sum(-1, keepdim: true)], 1);
        Tensor Loss(Tensor[] i)
        {
            var logits = F.linear(i[0], i[1], i[2]);
            var distance = Divergence(Coarse((logits / temperature).softmax(-1)), Coarse(known), kind, beta).mean() * (temperature * temperature);
            return (F.cross_entropy(logits, targets.view(-1)) * (1 - share)) + (distance * share);
        }

        var (_, gradients) = Oracle.Differentiate(Loss, null, x, weight, bias);
        var (loss, losses, value, dx, dWeight, dBias) = (zeros([]), zeros(B), zeros([]), zeros(B * T, C), zeros(V, C), zeros(V));
        var divergence = new Divergence(kind, temperature, beta);
        if (aten)
            AtenDistillation.Run(x, weight, bias, targets, null, zeros(Rows, V), new(dx, dWeight, dBias, Accumulate: false, Scale: 1), loss, losses, null,
                new(new CachedTeacher(most, kept, temperature), zeros(Rows, V), value, divergence, share, 1));
        else
            Kernels.CachedDistillationGrad(x, weight, bias, targets, null, false, zeros(Rows, V), dx, dWeight, dBias, loss, losses, null,
                most, kept, zeros(Rows, V), value, divergence, share, 1, 1);
        Oracle.Close(gradients[0], dx, "dx", 1e-4);
        Oracle.Close(gradients[1], dWeight, "dWeight", 1e-4);
        Oracle.Close(gradients[2], dBias, "dBias", 1e-4);
    }

    /// <summary>Of a teacher that says the same nothing is left but cross-entropy.</summary>
    [Fact]
    public void A_student_that_agrees_is_not_pulled()
    {
        var (x, weight, targets) = (Oracle.Normal(1, ScalarType.Float32, B * T, C), Oracle.Normal(2, ScalarType.Float32, V, C), Oracle.Integers(4, V, B, T));
        var (loss, losses, value, dx) = (zeros([]), zeros(B), zeros([]), zeros(B * T, C));
        foreach (var kind in Enum.GetValues<DivergenceKind>())
        {
            Kernels.LinearDistillationGrad(x, weight, null, targets, null, false, zeros(Rows, V), dx, zeros(V, C), null, loss, losses, null,
                x, weight, null, 0, zeros(Rows, V), value, new Divergence(kind, 2, 0.5), 1, 1, 1);
            Assert.Equal(0, value.item<float>(), 1e-5);
            Assert.Equal(0, dx.abs().max().item<float>(), 1e-6);
        }
    }

    private static Tensor Teacher(Tensor x, Tensor head, Tensor bias, double cap)
    {
        var logits = F.linear(x.to(ScalarType.Float64), head.to(ScalarType.Float64), bias.to(ScalarType.Float64));
        return cap > 0 ? (logits / cap).tanh() * cap : logits;
    }

    /// <summary>Of each row.</summary>
    private static Tensor Divergence(Tensor student, Tensor teacher, DivergenceKind kind, double temperature, double beta) =>
        Divergence((student / temperature).softmax(-1), (teacher / temperature).softmax(-1), kind, beta);

    private static Tensor Divergence(Tensor q, Tensor p, DivergenceKind kind, double beta)
    {
        static Tensor Kl(Tensor a, Tensor b) => (a * (a.log() - b.log())).sum(-1);
        var m = (p * beta) + (q * (1 - beta));
        return kind switch
        {
            DivergenceKind.ForwardKl => Kl(p, q),
            DivergenceKind.ReverseKl => Kl(q, p),
            _ => (Kl(p, m) * beta) + (Kl(q, m) * (1 - beta)),
        };
    }
}
