using AttributeModel;
using ModelCompiler;

Console.WriteLine($"{TinyLm.Definition.Name}: {TinyLm.Definition.ParameterCount} parameters");

namespace AttributeModel
{
    [Model]
    [Decoder(Vocabulary = 256, Context = 8, Layers = 2, Width = 16, Heads = 2)]
    [Training(Batch = 2)]
    internal sealed partial class TinyLm;
}
