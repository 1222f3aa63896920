using System.CommandLine;
using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Labels;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained encoder read a text: it fills in each [MASK], or says which class the text is.</summary>
internal sealed class ReadCommand(ModelDescription model, string run, ProgramOutput output)
{
    private const int Candidates = 5;
    private const int SampleTokens = 60;

    private bool Classifies => model.Training.Objective.Kind == ObjectiveKind.Classification;

    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var text = new Argument<string>("text");
        var (description, objective) = program.Model.Training.Objective.Kind == ObjectiveKind.Classification
            ? ("The text to classify.", "Classifies a text with the trained model in the output folder.")
            : ($"With {SpecialTokens.MaskText} where a token is to be filled in.", $"Fills in each {SpecialTokens.MaskText} of a text with the trained model in the output folder.");
        text.Description = description;
        return new Command("read", objective) { text }.With(options.Running, result =>
        {
            using var loaded = LoadedEncoder.Open(program, result, options);
            return new ReadCommand(program.Model, result.GetValue(options.Output)!, program.Output).Write(loaded.Program, result.GetValue(text)!, loaded.Tokenizer);
        });
    }

    /// <summary>Reads a text that was held out, with its middle hidden.</summary>
    public int WriteSample(ICompiledModel compiled, Dataset data)
    {
        if (data.Validation.Count == 0)
            return ModelProgram.Done;
        var tokens = new long[Math.Min(data.Validation.Count, Math.Min(SampleTokens, model.Context - 2))];
        data.Validation.Read(0, tokens);
        var text = Array.ConvertAll(tokens, token => (int)token).AsSpan();
        var (tokenizer, middle) = (data.Tokenizer, text.Length / 2);
        using var program = compiled.CreateEncoder();
        return Write(
            program,
            Classifies
                ? tokenizer.Decode(text[..Math.Max(1, text.IndexOf(tokenizer.EndOfText) is >= 0 and var end ? end : text.Length)])
                : tokenizer.Decode(text[..middle]) + SpecialTokens.MaskText + tokenizer.Decode(text[(middle + 1)..]),
            tokenizer);
    }

    private int Write(IEncoderProgram program, string text, ITextTokenizer tokenizer)
    {
        var encoder = new TextEncoder(program, tokenizer, model.Training.SpecialTokens!);
        output.Text.WriteLine(text);
        if (Classifies)
        {
            var (probabilities, names) = (encoder.Classify(text), ClassNames.Load(run));
            foreach (var number in Enumerable.Range(0, probabilities.Length).OrderByDescending(number => probabilities[number]).Take(Candidates))
                WriteLine(probabilities[number], names[number]);
            return ModelProgram.Done;
        }

        foreach (var mask in encoder.FillMasks(text, Candidates))
        {
            output.Text.WriteLine(SpecialTokens.MaskText + ":");
            foreach (var candidate in mask)
                WriteLine(candidate.Probability, $"'{candidate.Text}'");
        }

        return ModelProgram.Done;
    }

    private void WriteLine(float probability, string what) => output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {probability:F3}  {what}"));
}
