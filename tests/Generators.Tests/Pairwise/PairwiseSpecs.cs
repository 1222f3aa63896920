using System.Text;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Pipeline;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Tests.Pairwise;

/// <summary>
/// Declarations in which every two values of different directives occur together somewhere, if they may: chosen greedily, each new one with as
/// many pairs that are still missing as it can have (Cohen et al. 1997, AETG).
/// </summary>
internal sealed class PairwiseSpecs
{
    /// <summary>The declaration of the teacher that students have.</summary>
    public const string Teacher =
        """
        model: Teacher
        architecture: { family: decoder, heads: 4, vocabulary: 256, context: 16, layers: 2, width: 32 }
        training: { batch: 4, steps: 3, optimizer: { warmup: 1 } }

        """;

    private static readonly ModelSpec s_teacher = YamlFrontend.Read(Teacher, "teacher.model.yaml").Spec!;

    private static readonly EquatableArray<ProjectModel> s_project = EquatableArray.Of(new ProjectModel("Teacher", "", s_teacher.Architecture.Vocabulary, s_teacher.Architecture.Context));

    private readonly Dictionary<(int Factor, int Value, int Other, int OtherValue), bool> _allowed = [];
    private readonly DirectiveFactor[] _factors = DirectiveFactors.All;

    private PairwiseSpecs() => Choose();

    public static PairwiseSpecs Instance { get; } = new();

    /// <summary>The value of each factor.</summary>
    public List<int[]> Choices { get; } = [];

    /// <summary>Pairs that the compiler refuses, with what it says.</summary>
    public List<(string Pair, string Reason)> Refused { get; } = [];

    /// <summary>Pairs that occur.</summary>
    public int Covered { get; private set; }

    /// <summary>Pairs that occur nowhere though the compiler takes the two alone.</summary>
    public List<string> Missing { get; } = [];

    /// <summary>The declaration of a choice.</summary>
    public string Yaml(string model, int[] choice)
    {
        var text = new StringBuilder($"model: {model}\n");
        foreach (var section in (string[])["architecture", "efficiency", "training", "export"])
        {
            var lines = _factors.Select((factor, i) => factor.Section == section ? factor.Values[choice[i]] : "").Where(value => value.Length > 0)
                .SelectMany(value => value.Split('\n')).ToList();
            if (section == "architecture") lines.AddRange(["context: 16", "layers: 4", "width: 32"]);
            if (section == "training") lines.AddRange(["batch: 4", "steps: 3", "validate-every: 1"]);
            if (lines.Count == 0) continue;
            text.Append(section).Append(":\n");
            foreach (var line in lines) text.Append("  ").Append(line).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>What the compiler says against a choice; null if nothing.</summary>
    private string? Objection(int[] choice)
    {
        var read = YamlFrontend.Read(Yaml("Model", choice), "pair.model.yaml");
        if (read.Spec is not { } spec) return read.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).ToString();
        var result = ModelCompilation.Compile(spec, TeacherChoice.Of(spec, [s_teacher]));
        if (result.Model is not { } model) return result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Message;
        return ScoringModels.Join(model, s_project, read.Map).Diagnostics.Concat(DraftModels.Join(model, s_project, read.Map).Diagnostics).FirstOrDefault()?.Message;
    }

    private int[] With(params (int Factor, int Value)[] values)
    {
        var choice = new int[_factors.Length];
        foreach (var (factor, value) in values) choice[factor] = value;
        return choice;
    }

    private void Choose()
    {
        var missing = new HashSet<(int Factor, int Value, int Other, int OtherValue)>();
        foreach (var pair in Pairs())
        {
            var objection = Objection(With((pair.Factor, pair.Value), (pair.Other, pair.OtherValue)));
            if (_allowed[pair] = objection is null) missing.Add(pair);
            else Refused.Add(($"{Show(pair.Factor, pair.Value)} | {Show(pair.Other, pair.OtherValue)}", objection!));
        }

        var allowed = missing.Count;
        while (missing.Count > 0)
        {
            var seed = missing.First();
            var choice = With((seed.Factor, seed.Value), (seed.Other, seed.OtherValue));
            for (var factor = 0; factor < _factors.Length; factor++)
            {
                if (factor == seed.Factor || factor == seed.Other) continue;
                var best = Enumerable.Range(0, _factors[factor].Values.Length)
                    .Where(value => Fits(choice, factor, value))
                    .OrderByDescending(value => Gain(missing, choice, factor, value)).ToList();
                foreach (var value in best)
                {
                    choice[factor] = value;
                    if (value == 0 || Objection(choice) is null) break;
                    choice[factor] = 0;
                }
            }

            var before = missing.Count;
            missing.ExceptWith(PairsOf(choice));
            if (missing.Count < before && !missing.Contains(seed)) Choices.Add(choice);
            else if (missing.Remove(seed)) Missing.Add($"{Show(seed.Factor, seed.Value)} | {Show(seed.Other, seed.OtherValue)}");
        }

        Covered = allowed - Missing.Count;
    }

    /// <summary>Whether a value goes with all that are chosen, two by two.</summary>
    private bool Fits(int[] choice, int factor, int value) =>
        value == 0 || Enumerable.Range(0, choice.Length).All(other => other == factor || choice[other] == 0 || _allowed[Key(factor, value, other, choice[other])]);

    private static int Gain(HashSet<(int Factor, int Value, int Other, int OtherValue)> missing, int[] choice, int factor, int value) =>
        Enumerable.Range(0, choice.Length).Count(other => other != factor && missing.Contains(Key(factor, value, other, choice[other])));

    private IEnumerable<(int Factor, int Value, int Other, int OtherValue)> Pairs() =>
        from factor in Enumerable.Range(0, _factors.Length)
        from other in Enumerable.Range(factor + 1, _factors.Length - factor - 1)
        from value in Enumerable.Range(0, _factors[factor].Values.Length)
        from otherValue in Enumerable.Range(0, _factors[other].Values.Length)
        select (factor, value, other, otherValue);

    private static IEnumerable<(int Factor, int Value, int Other, int OtherValue)> PairsOf(int[] choice) =>
        from factor in Enumerable.Range(0, choice.Length)
        from other in Enumerable.Range(factor + 1, choice.Length - factor - 1)
        select (factor, choice[factor], other, choice[other]);

    private static (int Factor, int Value, int Other, int OtherValue) Key(int factor, int value, int other, int otherValue) =>
        factor < other ? (factor, value, other, otherValue) : (other, otherValue, factor, value);

    private string Show(int factor, int value) => _factors[factor].Values[value] is { Length: > 0 } text ? text.Split('\n')[0] : $"no {_factors[factor].Name}";
}
