using System.CommandLine;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>A trained encoder in the engine that the command line asks for.</summary>
/// <param name="Program">It reads sequences.</param>
/// <param name="Tokenizer">The one that it was trained with.</param>
/// <param name="Source">The text that it was trained on, where that is known.</param>
/// <param name="Weights">What the program reads; null where it has its own.</param>
internal sealed record LoadedEncoder(IEncoderProgram Program, ITextTokenizer Tokenizer, string? Source, ICompiledModel? Weights) : IDisposable
{
    public static LoadedEncoder Open(ProgramContext program, ParseResult result, SharedOptions options)
    {
        if (options.Exported(result) is var (folder, onnx))
        {
            var exported = OnnxEncoder.Open(program.Model.Artifact, folder, onnx);
            try
            {
                return new(exported, exported.LoadTokenizer(), null, null);
            }
            catch
            {
                exported.Dispose();
                throw;
            }
        }

        var (model, tokenizer, source) = LoadedModel.Compiled(program, result, options);
        return new(model.CreateEncoder(), tokenizer, source, model);
    }

    public void Dispose()
    {
        Program.Dispose();
        Weights?.Dispose();
    }
}
