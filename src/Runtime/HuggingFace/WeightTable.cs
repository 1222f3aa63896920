using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>Which tensor of an architecture holds which parameters of a model, by the architecture's table of names.</summary>
internal sealed class WeightTable
{
    private readonly PretrainedArchitecture _architecture;
    private readonly IReadOnlyList<ParameterInfo> _parameters;
    private readonly int _heads;
    private readonly Dictionary<string, TensorRule> _rules;

    /// <param name="architecture">Has the names of tensors.</param>
    /// <param name="parameters">Those of the model.</param>
    /// <param name="heads">Of its attention.</param>
    public WeightTable(PretrainedArchitecture architecture, IReadOnlyList<ParameterInfo> parameters, int heads)
    {
        (_architecture, _parameters, _heads) = (architecture, parameters, heads);
        _rules = architecture.Tensors.ToDictionary(rule => rule.Theirs, StringComparer.Ordinal);
    }

    /// <summary>Compares the tensors of a folder with the model's parameters, before anything is read.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="model">What the model is called in an error.</param>
    /// <param name="remedy">What to do then.</param>
    /// <exception cref="CheckpointException">Tensors are missing, unknown or of another shape or type; all of them are named.</exception>
    public IReadOnlyList<WeightTransfer> Compare(SafetensorsFolder files, string model, string remedy)
    {
        var parameters = _parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
        var (transfers, covered) = (new List<WeightTransfer>(), new HashSet<string>(StringComparer.Ordinal));
        var (unknown, misshapen) = (new List<string>(), new List<string>());
        foreach (var name in files.Names.Order(StringComparer.Ordinal))
        {
            if (Find(name) is not { } found)
            {
                if (!IsUnused(name))
                    unknown.Add(name);
                continue;
            }

            var (rule, layer) = found;
            var ours = rule.Ours.Select(pattern => parameters.GetValueOrDefault(TensorRule.Name(pattern, layer))).ToArray();
            if (ours.All(parameter => parameter is null) && rule.TiedTo is { } original)
            {
                CheckTied(files, name, original);
                continue;
            }

            if (ours.Any(parameter => parameter is null))
            {
                unknown.Add(name);
                continue;
            }

            var transfer = new WeightTransfer(name, rule, ours!, _heads);
            var entry = files[name];
            if (!entry.Shape.AsSpan().SequenceEqual(transfer.Shape) || !Widening.Takes(entry.Type))
                misshapen.Add($"{entry} instead of [{string.Join(", ", transfer.Shape)}] in F32, BF16 or F16");
            else if (ours.Any(parameter => !covered.Add(parameter!.Name)))
                throw new CheckpointException($"The weights in '{files.Path}' have '{name}' twice, with and without '{_architecture.Prefix}'. Download them again.");
            transfers.Add(transfer);
        }

        var missing = All()
            .Where(transfer => !transfers.Any(found => found.Parameters[0] == transfer.Parameters[0]))
            .Select(transfer => transfer.Name).ToArray();
        if (unknown.Count + misshapen.Count + missing.Length > 0)
        {
            throw new CheckpointException(
                $"The weights in '{files.Path}' do not fit {model}.{Say(" Missing: ", missing)}{Say(" Unknown: ", unknown)}{Say(" Of another shape: ", misshapen)}"
                + " " + remedy);
        }

        return transfers;
    }

    /// <summary>The tensors that hold the model's parameters.</summary>
    /// <exception cref="CheckpointException">The architecture has no name for one.</exception>
    public IEnumerable<WeightTransfer> All()
    {
        var rules = new Dictionary<string, (TensorRule Rule, int Part)>(StringComparer.Ordinal);
        foreach (var rule in _architecture.Tensors)
        {
            for (var part = 0; part < rule.Ours.Count; part++)
                rules[rule.Ours[part]] = (rule, part);
        }

        var byName = _parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
        foreach (var parameter in _parameters)
        {
            var (pattern, layer) = TensorRule.Split(parameter.Name);
            if (!rules.TryGetValue(pattern, out var found))
                throw new CheckpointException($"{_architecture.ClassName} of transformers has no name for the parameter '{parameter.Name}'.");
            if (found.Part == 0)
                yield return new WeightTransfer(TensorRule.Name(found.Rule.Theirs, layer), found.Rule, [.. found.Rule.Ours.Select(ours => byName[TensorRule.Name(ours, layer)])], _heads);
        }
    }

    private (TensorRule Rule, string Layer)? Find(string name)
    {
        // BERT's first checkpoints name the parameters of norms as TensorFlow did.
        var modern = name.EndsWith(".gamma", StringComparison.Ordinal) ? name[..^5] + "weight" : name.EndsWith(".beta", StringComparison.Ordinal) ? name[..^4] + "bias" : name;
        foreach (var candidate in (string[])[modern, _architecture.Prefix + modern])
        {
            if (_rules.TryGetValue(candidate, out var only))
                return (only, ""); // its number is not a layer's
            var (pattern, layer) = TensorRule.Split(candidate);
            if (_rules.TryGetValue(pattern, out var rule))
                return (rule, layer);
        }

        return null;
    }

    private bool IsUnused(string name) =>
        _architecture.Unused.Contains(TensorRule.Split(name).Pattern) || _architecture.Unused.Contains(TensorRule.Split(_architecture.Prefix + name).Pattern);

    /// <summary>Some writers store both of two tied tensors.</summary>
    private void CheckTied(SafetensorsFolder files, string name, string original)
    {
        var first = files.Contains(original) || !original.StartsWith(_architecture.Prefix, StringComparison.Ordinal) ? original : original[_architecture.Prefix.Length..];
        if (!files.Contains(first) || !files.SameValues(name, first))
        {
            throw new CheckpointException(
                $"The weights in '{files.Path}' have '{name}' with other values than '{first}', but the configuration ties the two ('tie_word_embeddings'). "
                + "Set it to false in config.json and import the folder again.");
        }
    }

    private static string Say(string title, IReadOnlyList<string> names) => names.Count == 0 ? "" : $"{title}{FewNames.Text(names)}.";
}
