namespace ModelCompiler.Package.Tests;

public class AcceleratorTests(PackageFixture package)
{
    [Theory]
    [InlineData("gpu", "error MC4002: ModelCompilerAccelerator is 'gpu'. Set it to cpu or cuda.")]
    [InlineData("cuda", "error MC4003: ModelCompilerAccelerator is cuda, but no libtorch for CUDA is referenced. Run: dotnet add package TorchSharp-cuda-")]
    public async Task AnAcceleratorThatIsNotThereIsAnError(string accelerator, string error)
    {
        string project = package.Project("YamlModel", $"Accelerator-{accelerator}");
        Dotnet.Result result = await Dotnet.Run(project, "build", $"-p:ModelCompilerAccelerator={accelerator}");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(error, result.Output);
    }

    [Fact]
    public async Task LibtorchForCudaTakesThePlaceOfTheOneForTheCpu()
    {
        await Dotnet.Succeed(package.Project("LibtorchCuda"), "pack", "-c", "Release", "-o", package.Feed);
        string project = package.Project("CudaModel");
        await Dotnet.Succeed(project, "build", "-c", "Release", "-o", "output");
        string native = Path.Combine(project, "output/runtimes/linux-x64/native");
        Assert.Equal(
            ["libLibTorchSharp.so", "libtorch_cpu.so"],
            Directory.GetFiles(native, "lib*orch*").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal("libtorch for CUDA\n", File.ReadAllText(Path.Combine(native, "libtorch_cpu.so")));
    }
}
