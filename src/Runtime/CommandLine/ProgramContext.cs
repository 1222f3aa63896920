using TorchSharp;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>What the commands of a program work with.</summary>
/// <param name="Model">The model that the program is for.</param>
/// <param name="Make">Makes it.</param>
/// <param name="Output">Where to write.</param>
/// <param name="Interrupt">Ctrl-C.</param>
internal sealed record ProgramContext(ModelDescription Model, Func<torch.Device, int, ICompiledModel> Make, ProgramOutput Output, CancellationToken Interrupt)
{
    /// <summary>Makes the model on a device.</summary>
    /// <exception cref="InvalidOperationException">There is no such device.</exception>
    public ICompiledModel Create(string device, int? seed = null)
    {
        if (device == "cuda" && !torch.cuda.is_available())
        {
            throw new InvalidOperationException(
                "There is no CUDA device that libtorch can use. Use --device cpu, or set the MSBuild property ModelCompilerAccelerator to cuda.");
        }

        return Make(torch.device(device), seed ?? Model.Training.Seed);
    }
}
