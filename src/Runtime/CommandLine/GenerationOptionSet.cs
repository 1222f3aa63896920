using System.CommandLine;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How a text is continued, as options of a command line.</summary>
internal sealed class GenerationOptionSet
{
    private readonly int _defaultSeed;
    private readonly Option<int?> _seed;
    private readonly Option<int> _tokens = Number("--tokens", "n", "Most tokens to generate.", 400);
    private readonly Option<double> _temperature = Number("--temperature", "t", "Divides the logits; 0 takes the most likely token always.", 0.8);
    private readonly Option<int> _topK = Number("--top-k", "k", "Choose among the k most likely tokens; 0 for all.", 0);
    private readonly Option<double> _topP = Number("--top-p", "p", "Choose among the most likely tokens whose probabilities reach p; 1 for all.", 0.95);
    private readonly Option<double> _minP = Number("--min-p", "p", "Choose among tokens with this share of the most likely one's probability; 0 for all.", 0.0);
    private readonly Option<double> _typical = Number("--typical", "p", "Choose among the tokens of typical information whose probabilities reach p; 1 for all.", 1.0);
    private readonly Option<double> _repetition = Number("--repetition-penalty", "x", "Divides positive logits of tokens that came before, multiplies negative ones.", 1.0);
    private readonly Option<double> _frequency = Number("--frequency-penalty", "x", "Subtracted for each time that a token was generated.", 0.0);
    private readonly Option<double> _presence = Number("--presence-penalty", "x", "Subtracted if a token was generated.", 0.0);
    private readonly Option<string[]> _stop = new("--stop") { HelpName = "text", Description = "Ends the generation where it comes; may be given several times.", DefaultValueFactory = _ => [] };

    public GenerationOptionSet(ModelDescription model, Option<int?> seed)
    {
        (_defaultSeed, _seed) = (model.Training.Seed, seed);
        _tokens.Require(tokens => tokens > 0, "at least 1");
        _temperature.Require(temperature => temperature >= 0, "at least 0");
        _topK.Require(k => k >= 0, "at least 0");
        _topP.Require(p => p is > 0 and <= 1, "above 0 and at most 1");
        _minP.Require(p => p is >= 0 and <= 1, "from 0 to 1");
        _typical.Require(p => p is > 0 and <= 1, "above 0 and at most 1");
        _repetition.Require(penalty => penalty > 0, "above 0");
        _stop.Require(texts => texts!.All(text => text.Length > 0), "a text");
    }

    /// <summary>All but the seed.</summary>
    public IEnumerable<Option> All => [_tokens, _temperature, _topK, _topP, _minP, _typical, _repetition, _frequency, _presence, _stop];

    public GenerationOptions Read(ParseResult result) => new()
    {
        MaxTokens = result.GetValue(_tokens),
        Stop = result.GetValue(_stop)!,
        Sampling = new()
        {
            Temperature = result.GetValue(_temperature),
            TopK = result.GetValue(_topK),
            TopP = result.GetValue(_topP),
            MinP = result.GetValue(_minP),
            Typical = result.GetValue(_typical),
            RepetitionPenalty = result.GetValue(_repetition),
            FrequencyPenalty = result.GetValue(_frequency),
            PresencePenalty = result.GetValue(_presence),
            Seed = result.GetValue(_seed) ?? _defaultSeed,
        },
    };

    private static Option<T> Number<T>(string name, string symbol, string description, T value) =>
        new(name) { HelpName = symbol, Description = description, DefaultValueFactory = _ => value };
}
