using TorchSharp;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>A compiled model that is compared with others: how it is declared decides what its training and its use cost.</summary>
/// <param name="Definition">What it says of itself.</param>
/// <param name="Create">Makes it with fresh parameters.</param>
public sealed record Recipe(ModelDescription Definition, Func<torch.Device, int, ICompiledModel> Create)
{
    /// <summary>The recipe of a generated class.</summary>
    public static Recipe Of<TModel>()
        where TModel : ICompiledModel<TModel> => new(TModel.Definition, (device, seed) => TModel.Create(device, seed));
}
