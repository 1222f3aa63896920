using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Meta-gradients of generated programs against TorchSharp's autograd over the same inner steps, and against the methods' definitions.</summary>
public sealed class MetaTests : IDisposable
{
    private const double Rate = 0.1;
    private readonly DisposeScope _scope = NewDisposeScope();

    [Fact]
    public void Maml_equals_autograd_through_its_own_gradients() => Compare<MetaLlama>("meta-llama.model.yaml", (_, _) => Rate, secondOrder: true);

    [Fact]
    public void Meta_sgd_learns_a_rate_of_each_parameter() =>
        Compare<MetaRates>("meta-rates.model.yaml", (name, all) => all["rates." + name], secondOrder: true);

    [Fact]
    public void First_order_takes_inner_steps_for_constants() =>
        Compare<MetaFomaml>("meta-fomaml.model.yaml", (name, all) => all["rates." + name], secondOrder: false);

    [Fact]
    public void Anil_adapts_the_head_alone() =>
        Compare<MetaAnil>("meta-anil.model.yaml", (name, _) => name.StartsWith("head.", StringComparison.Ordinal) ? Rate : 0, secondOrder: true);

    [Fact]
    public void A_network_of_numbers_equals_autograd()
    {
        using var model = MetaSinusoid.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var leaves = Leaves(model);
        var tasks = TaskBatches(3);
        var (inputs, targets) = (new long[30], new long[30]);
        tasks.Fill(0, inputs, targets);
        Tensor total = zeros(1);
        for (var task = 0; task < 3; task++)
        {
            (Tensor, Tensor) Set(int set) => (Numbers(inputs, (task * 10) + (set * 5)), Numbers(targets, (task * 10) + (set * 5)));
            total = total + (Adapted(leaves, (_, _) => 0.05, true, p => Error(p, Set(0)), p => Error(p, Set(1))) / 3);
        }

        total.backward();
        using var training = model.CreateTraining();
        var loss = 0.0;
        for (var task = 0; task < 3; task++) loss += training.Backpropagate(inputs.AsSpan(task * 10, 10), targets.AsSpan(task * 10, 10)) / 3;
        Assert.Equal(total.item<float>(), loss, 1e-4);
        AssertClose(model, leaves);

        static Tensor Numbers(long[] bits, int start) => tensor(bits[start..(start + 5)].Select(b => (float)BitConverter.Int64BitsToDouble(b)).ToArray()).view(5, 1);
        static Tensor Error(Dictionary<string, Tensor> p, (Tensor X, Tensor Y) set)
        {
            var h = F.linear(set.X, p["linear1.weight"], p["linear1.bias"]).tanh();
            h = F.linear(h, p["linear2.weight"], p["linear2.bias"]).relu();
            return F.mse_loss(F.linear(h, p["linear3.weight"], p["linear3.bias"]), set.Y);
        }
    }

    /// <summary>By SGD of rate 1 the parameters move to the mean of where the tasks' inner steps lead.</summary>
    [Fact]
    public void Reptile_moves_to_where_inner_steps_lead()
    {
        using var model = MetaReptile.Create(CPU, seed: 1);
        var reference = new TorchReference(model, "meta-reptile.model.yaml", step: 0);
        var before = model.Parameters.Master.clone();
        var expected = Leaves(model).ToDictionary(p => p.Key, p => zeros_like(p.Value));
        using var training = model.CreateTraining();
        for (var task = 0; task < 2; task++)
        {
            var (tokens, targets) = Task(model, task);
            var weights = Leaves(model);
            foreach (var set in new[] { 0, 1 })
            {
                var gradients = Gradients(Loss(reference, weights, tokens, targets, set), weights, secondOrder: false);
                weights = weights.ToDictionary(p => p.Key, p => (p.Value - (Rate * gradients[p.Key])).detach().requires_grad_(true));
            }

            foreach (var (name, value) in weights) expected[name] += value.detach() / 2;
            training.Backpropagate(tokens, targets);
        }

        training.Update(1);
        foreach (var (name, value) in model.Parameters.Parameters())
            Assert.True((value - expected[name]).abs().max().item<float>() < 1e-6, name);
        Assert.True((model.Parameters.Master - before).abs().max().item<float>() > 1e-4);
    }

    [Fact]
    public void Adapt_gives_a_copy_and_leaves_the_model_untouched()
    {
        using var model = MetaRates.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var before = model.Parameters.Master.clone();
        var examples = TaskExamples.OfTexts(["abcabcabcabcabc", "abcab"], new ByteTokenizer(), context: 12);

        using var adapted = model.Adapt(examples, steps: 3);

        Assert.Equal(0, (model.Parameters.Master - before).abs().max().item<float>());
        var (tokens, targets) = examples.ToBatch(3);
        var reference = new TorchReference(model, "meta-rates.model.yaml", step: 0);
        var weights = Leaves(model);
        for (var step = 0; step < 3; step++)
        {
            var gradients = Gradients(Loss(reference, weights, tokens, targets, 0), weights, secondOrder: false);
            var at = weights;
            weights = at.ToDictionary(p => p.Key, p => gradients.TryGetValue(p.Key, out var g) ? (p.Value - (at["rates." + p.Key] * g)).detach().requires_grad_(true) : p.Value);
        }

        foreach (var (name, value) in adapted.Parameters.Parameters())
            Assert.True((value - weights[name]).abs().max().item<float>() < 1e-5, name);

        using var program = adapted.CreateMeta();
        program.Adapt(tokens, targets, steps: 0);
        var after = program.Loss(tokens, targets);
        using var original = model.CreateMeta();
        original.Adapt(tokens, targets, steps: 0);
        Assert.True(after < original.Loss(tokens, targets));
    }

    [Fact]
    public void More_examples_than_a_batch_are_refused()
    {
        using var model = MetaRates.Create(CPU, seed: 1);
        var examples = TaskExamples.OfTexts(["a", "b", "c", "d"], new ByteTokenizer(), context: 12);
        var failure = Assert.Throws<ArgumentException>(() => model.Adapt(examples, steps: 1));
        Assert.Contains("at most 3", failure.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.Adapt(TaskExamples.OfTexts(["a"], new ByteTokenizer(), context: 5), steps: 1));
    }

    [Fact]
    public void Evaluation_is_the_query_loss_after_the_inner_steps()
    {
        using var model = MetaLlama.Create(CPU, seed: 1);
        var (tokens, targets) = Task(model, 0);
        using var program = model.CreateMeta();
        var loss = program.Evaluate(tokens, targets);
        program.Adapt(tokens.AsSpan(0, 36), targets.AsSpan(0, 36), steps: 2);
        Assert.Equal(program.Loss(tokens.AsSpan(36), targets.AsSpan(36)), loss);
        Assert.Throws<ArgumentException>(() => program.Evaluate(tokens.AsSpan(0, 36), targets.AsSpan(0, 36)));
    }

    public void Dispose() => _scope.Dispose();

    private static TaskBatches TaskBatches(int tasks) =>
        new(MetaSinusoid.Definition.Training.Tasks!(new ByteTokenizer()), MetaSinusoid.Definition.Training.Meta!, heldOut: false, tasks, rows: 5, length: 1, seed: 1);

    private static void Compare<TModel>(string file, Func<string, Dictionary<string, Tensor>, Scalar> rate, bool secondOrder)
        where TModel : ICompiledModel<TModel> => Compare<TModel>(file, (name, all) => full(1, rate(name, all)), secondOrder);

    /// <summary>The gradients of a step of two tasks against autograd's.</summary>
    private static void Compare<TModel>(string file, Func<string, Dictionary<string, Tensor>, Tensor> rate, bool secondOrder)
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var reference = new TorchReference(model, file, step: 0);
        var leaves = Leaves(model);
        using var training = model.CreateTraining();
        var (expected, actual) = (zeros(1), 0.0);
        for (var task = 0; task < 2; task++)
        {
            var (tokens, targets) = Task(model, task);
            expected = expected + (Adapted(leaves, rate, secondOrder, p => Loss(reference, p, tokens, targets, 0), p => Loss(reference, p, tokens, targets, 1)) / 2);
            actual += training.Backpropagate(tokens, targets) / 2;
        }

        expected.backward();
        Assert.Equal(expected.item<float>(), actual, 1e-4);
        AssertClose(model, leaves);
    }

    /// <summary>The query loss after two inner steps.</summary>
    private static Tensor Adapted(
        Dictionary<string, Tensor> leaves, Func<string, Dictionary<string, Tensor>, Tensor> rate, bool secondOrder,
        Func<Dictionary<string, Tensor>, Tensor> support, Func<Dictionary<string, Tensor>, Tensor> query)
    {
        var weights = leaves;
        for (var step = 0; step < 2; step++)
        {
            var (at, gradients) = (weights, Gradients(support(weights), weights, secondOrder));
            weights = at.ToDictionary(p => p.Key, p => gradients.TryGetValue(p.Key, out var g) ? p.Value - (rate(p.Key, leaves) * g) : p.Value);
        }

        return query(weights);
    }

    private static Dictionary<string, Tensor> Gradients(Tensor loss, Dictionary<string, Tensor> weights, bool secondOrder)
    {
        var names = weights.Keys.Where(name => !name.StartsWith("rates.", StringComparison.Ordinal)).ToList();
        var gradients = autograd.grad([loss], [.. names.Select(name => weights[name])], retain_graph: secondOrder, create_graph: secondOrder);
        return names.Zip(gradients).ToDictionary(p => p.First, p => secondOrder ? p.Second : p.Second.detach());
    }

    /// <summary>The loss of one of a task's sets in some weights.</summary>
    private static Tensor Loss(TorchReference reference, Dictionary<string, Tensor> weights, long[] tokens, long[] targets, int set)
    {
        foreach (var (name, value) in weights) reference.Parameters[name] = value;
        Tensor Rows(long[] values) => tensor(values[(set * 36)..((set + 1) * 36)]).view(3, 12);
        return F.cross_entropy(reference.Logits(Rows(tokens)).flatten(0, 1), Rows(targets).flatten(), ignore_index: Masking.Ignored);
    }

    private static Dictionary<string, Tensor> Leaves(ICompiledModel model) =>
        model.Parameters.Parameters().ToDictionary(p => p.Name, p => p.Value.clone().requires_grad_(true));

    /// <summary>Three examples of support and two of query, some of them shorter than the context.</summary>
    private static (long[] Tokens, long[] Targets) Task(ICompiledModel model, int seed)
    {
        var (tokens, targets) = GeneratedModels.Batch(model, seed);
        targets.AsSpan(7, 5).Fill(Masking.Ignored);
        targets.AsSpan(60, 12).Fill(Masking.Ignored);
        return (tokens, targets);
    }

    private static void AssertClose(ICompiledModel model, Dictionary<string, Tensor> leaves)
    {
        var errors = new List<string>();
        foreach (var info in model.Parameters.Layout)
        {
            var (actual, wanted) = (model.Parameters.GradientView(info.Offset, info.Shape), leaves[info.Name].grad!);
            var largest = Math.Max(wanted.abs().max().item<float>(), 1e-3f);
            var error = (actual - wanted).abs().max().item<float>() / largest;
            if (!(error < 1e-3)) errors.Add($"{info.Name}: relative error {error}, largest {largest}");
        }

        Assert.True(errors.Count == 0, string.Join("; ", errors));
    }
}
