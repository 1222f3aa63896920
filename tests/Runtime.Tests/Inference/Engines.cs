using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tests.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>A model with random weights in one of the engines.</summary>
internal sealed class Engine : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ICompiledModel _compiled;

    private Engine(ICompiledModel compiled, ILanguageModel? exported) => (_compiled, Model) = (compiled, exported ?? compiled);

    public ILanguageModel Model { get; private set; }

    public static Engine Open<TModel>(string engine, QuantizationSpec? quantization = null, int seed = 2)
        where TModel : ICompiledModel<TModel>
    {
        var compiled = TModel.Create(CPU, seed);
        GeneratedModels.Scramble(compiled);
        var opened = new Engine(compiled, null);
        if (engine == "onnx")
        {
            OnnxExport.Write(compiled, opened._folder.Path, quantization, new ByteTokenizer(), OnnxQuantizationTests.Windows(compiled.Description.Context));
            opened.Model = OnnxModel.Open(compiled.Description, opened._folder.Path);
        }

        return opened;
    }

    public void Dispose()
    {
        if (Model != _compiled) Model.Dispose();
        _compiled.Dispose();
        _folder.Dispose();
    }
}
