using System.Globalization;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Meta;

/// <summary>
/// What learning to adapt buys: MAML's sinusoids with the error after 1 and 10 gradient steps, beside a network trained on all tasks at
/// once; and a language model adapted to namespaces that it has not seen, beside a plainly trained one that is fine-tuned. On one thread.
/// </summary>
internal static class MetaBenchmark
{
    /// <summary>Fine-tuning rates of the plain model; the best of them counts.</summary>
    private static readonly double[] s_rates = [0.01, 0.02, 0.03, 0.05, 0.07];

    /// <summary>What the names of learned inner rates begin with.</summary>
    private const string Rates = "rates.";

    public static int Run(string[] args)
    {
        set_num_threads(1);
        var quick = args.Contains("--quick");
        var at = Array.IndexOf(args, "--steps");
        int? steps = at >= 0 ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : null;
        if (!args.Contains("namespaces")) OfSinusoids(steps ?? (quick ? 2000 : Sinusoid.Definition.Training.Steps), args);
        if (!args.Contains("sinusoid")) OfNamespaces(steps ?? (quick ? 30 : Namespaces.Definition.Training.Steps));
        return 0;
    }

    /// <param name="args">May name those that are wanted.</param>
    private static void OfSinusoids(int steps, string[] args)
    {
        Write($"sinusoids, 10 points, {steps} steps of {Sinusoid.Definition.Training.Accumulate} tasks: mean squared error of 1000 tasks after 0, 1 and 10 gradient steps");
        (string Name, Func<ICompiledModel> Create)[] variants =
        [
            ("maml", () => Sinusoid.Create(CPU, seed: 1)), ("meta-sgd", () => SinusoidRates.Create(CPU, seed: 1)),
            ("pretrained", () => SinusoidPretrained.Create(CPU, seed: 1)),
        ];
        var named = variants.Where(variant => args.Contains(variant.Name)).ToArray();
        foreach (var (name, create) in named.Length > 0 ? named : variants)
        {
            using var model = create();
            var seconds = Train(model, new Sinusoids(), steps, rows: 1);
            using var program = (IMetaProgram)model.CreateTraining();
            var tasks = Tasks(model, new Sinusoids(), heldOut: true, tasks: 1, rows: 1);
            Write($"{name,-12} {Loss(program, tasks, 1000, 0),8:F3} {Loss(program, tasks, 1000, 1),8:F3} {Loss(program, tasks, 1000, 10),8:F3}   {seconds:F0} s of processor time");
        }
    }

    private static void OfNamespaces(int steps)
    {
        var definition = Namespaces.Definition;
        var inner = definition.Training.Meta!.InnerSteps;
        using var data = Dataset.Open(definition.Training, definition.Vocabulary, report: Console.Error.WriteLine);
        var source = data.Tasks(definition.Context);
        var heldOut = source.Count(heldOut: true);
        Write($"namespaces: {source.Count(heldOut: false)} to learn from, {heldOut} held out; nats a byte of 10 members after {inner} steps on 10 others");

        // A step of the one has a gradient for each inner step and one for the query set, a step of the other has one; both begin as the
        // same plainly trained model, after half of the other's steps.
        using var adaptable = Namespaces.Create(CPU, seed: 1);
        using var plain = NamespacesPlain.Create(CPU, seed: 1);
        var half = steps * (inner + 1);
        var plainSeconds = Train(plain, source, 2 * half, definition.Context, step =>
        {
            if (step == half) Copy(plain, adaptable);
        });
        var seconds = Train(adaptable, source, steps, definition.Context) + (plainSeconds / 2);

        var tasks = Tasks(adaptable, source, heldOut: true, tasks: 1, definition.Context);
        using var program = (IMetaProgram)adaptable.CreateTraining();
        var (before, after) = (Loss(program, tasks, heldOut, 0), Loss(program, tasks, heldOut, inner));
        Write($"meta-trained    {before:F4} before, {after:F4} after   {seconds:F0} s of processor time");

        using var tuned = Namespaces.Create(CPU, seed: 1);
        using var tuning = (IMetaProgram)tuned.CreateTraining();
        var best = double.PositiveInfinity;
        foreach (var rate in s_rates)
        {
            Copy(plain, tuned);
            foreach (var (_, value) in tuned.Parameters.Parameters().Where(p => p.Name.StartsWith(Rates, StringComparison.Ordinal))) value.fill_(rate);
            var loss = Loss(tuning, tasks, heldOut, inner);
            best = Math.Min(best, loss);
            Write($"plain, rate {rate,-4} {Loss(tuning, tasks, heldOut, 0):F4} before, {loss:F4} after   {plainSeconds:F0} s of processor time");
        }

        Write($"lower by {100 * (1 - (after / best)):F2} % than the best fine-tuning (aim: 3 %)");
    }

    /// <summary>All parameters but the rates, which the plain model does not have.</summary>
    private static void Copy(ICompiledModel plain, ICompiledModel adaptable)
    {
        foreach (var (name, value) in adaptable.Parameters.Parameters().Where(p => !p.Name.StartsWith(Rates, StringComparison.Ordinal)))
            value.copy_(plain.Parameters.Parameters().First(p => p.Name == name).Value);
    }

    /// <returns>Seconds of processor time.</returns>
    private static double Train(ICompiledModel model, ITaskSource source, int steps, int rows, Action<int>? before = null)
    {
        var settings = model.Description.Training;
        var schedule = new LearningRateSchedule(settings, steps);
        var tasks = Tasks(model, source, heldOut: false, settings.Accumulate, rows);
        var (tokens, targets) = (new long[tasks.Batch * tasks.Sequence], new long[tasks.Batch * tasks.Sequence]);
        using var program = model.CreateTraining();
        var (start, task) = (Environment.CpuUsage.TotalTime, model.Description.Batch * tasks.Sequence);
        for (var step = 0; step < steps; step++)
        {
            before?.Invoke(step);
            tasks.Fill(step, tokens, targets);
            for (var first = 0; first < tokens.Length; first += task) program.Backpropagate(tokens.AsSpan(first, task), targets.AsSpan(first, task));
            var result = program.Update(schedule.At(step));
            if (step % Math.Max(1, steps / 10) == 0)
                Console.Error.WriteLine(FormattableString.Invariant($"{model.Description.Name}: step {step}, loss {result.Loss:F3}, {(Environment.CpuUsage.TotalTime - start).TotalSeconds:F0} s"));
        }

        return (Environment.CpuUsage.TotalTime - start).TotalSeconds;
    }

    /// <summary>The mean query loss of tasks after so many gradient steps on their support sets.</summary>
    private static double Loss(IMetaProgram program, TaskBatches tasks, int count, int steps)
    {
        var (tokens, targets, loss) = (new long[tasks.Batch * tasks.Sequence], new long[tasks.Batch * tasks.Sequence], 0.0);
        var set = tokens.Length / 2;
        for (var task = 0; task < count; task++)
        {
            tasks.Fill(task, tokens, targets);
            program.Adapt(tokens.AsSpan(0, set), targets.AsSpan(0, set), steps);
            loss += program.Loss(tokens.AsSpan(set), targets.AsSpan(set)) / count;
        }

        return loss;
    }

    private static TaskBatches Tasks(ICompiledModel model, ITaskSource source, bool heldOut, int tasks, int rows) =>
        new(source, model.Description.Training.Meta!, heldOut, tasks, model.Description.Batch / 2, rows, seed: 1);

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
