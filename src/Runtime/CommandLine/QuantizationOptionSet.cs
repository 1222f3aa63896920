using System.CommandLine;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How an export rounds weights, as options of a command line: what they leave open is as declared.</summary>
internal sealed class QuantizationOptionSet
{
    private const string Fp32 = "fp32";

    private readonly QuantizationSpec? _declared;
    private readonly Dictionary<string, RoundingMethod> _methods;
    private readonly Option<string?> _weights = new("--quantization");
    private readonly Option<int?> _group = new("--group") { HelpName = "n" };
    private readonly Option<string?> _method = new("--method");

    public QuantizationOptionSet(QuantizationSpec? declared)
    {
        _declared = declared;
        var defaults = declared ?? new QuantizationSpec();
        // Only a model that was trained for it can be rounded as it was trained.
        _methods = Enum.GetValues<RoundingMethod>().Where(method => method != RoundingMethod.Qat || declared?.Method == method).ToDictionary(Name);
        _weights.Description = $"Weights of linear layers: fp32, int8, int4 or int2. [default: {(declared is null ? Fp32 : Name(declared.Weights))}]";
        _group.Description = $"Of int4 and int2: weights that share a scale. [default: {defaults.Group}]";
        _method.Description = $"How weights are rounded: {string.Join(", ", _methods.Keys)}. [default: {Name(defaults.Method)}; nearest where that is for other weights]";
        _weights.AcceptOnlyFromAmong([Fp32, .. Enum.GetValues<WeightType>().Select(Name)]);
        _method.AcceptOnlyFromAmong([.. _methods.Keys]);
        _group.Require(group => group is not { } given || QuantizationSpec.Groups.Contains(given), "16, 32, 64, 128 or 256");
    }

    public IEnumerable<Option> All => [_weights, _group, _method];

    /// <summary>The declared quantization with what is given in its place, and without keys that have no effect beside it; null for fp32.</summary>
    /// <exception cref="ArgumentException">What is given does nothing.</exception>
    public QuantizationSpec? Read(ParseResult result) => Override(result.GetValue(_weights), result.GetValue(_group), result.GetValue(_method));

    private QuantizationSpec? Override(string? weights, int? group, string? method)
    {
        weights ??= _declared is null ? Fp32 : Name(_declared.Weights);
        if (weights == Fp32)
        {
            return group is null && method is null
                ? null
                : throw new ArgumentException($"{(group is null ? "--method" : "--group")} has no effect on weights in fp32. Give --quantization int8, int4 or int2 with it.");
        }

        var declared = _declared ?? new QuantizationSpec();
        var wanted = declared with { Weights = Enum.Parse<WeightType>(weights, ignoreCase: true), Group = group ?? declared.Group };
        if (group is not null && wanted.Weights == WeightType.Int8)
            throw new ArgumentException("--group has no effect on int8, which has one scale for a row. Leave it out, or give --quantization int4 or int2.");
        // The grid that training has rounded to is the declared one alone.
        var trained = (wanted.Weights, wanted.Group) == (declared.Weights, declared.Group);
        if (method is not null)
        {
            wanted = wanted with { Method = _methods[method] };
            var obstacle = wanted.Method == RoundingMethod.Qat && !trained ? "'qat' rounds as the model was trained; leave out --quantization and --group, or give another method" : wanted.MethodObstacle();
            if (obstacle is not null) throw new ArgumentException($"--method {method} does nothing for {weights}: {obstacle}.");
        }
        else if (wanted.MethodObstacle() is not null || (wanted.Method == RoundingMethod.Qat && !trained))
        {
            wanted = wanted with { Method = RoundingMethod.Nearest };
        }

        return KeyEffects.WithoutIdleKeys(wanted);
    }

    private static string Name<T>(T value)
        where T : struct, Enum => KebabCase.Of(value.ToString());
}
