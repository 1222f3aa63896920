using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using ModelCompiler.Build.Tasks;

namespace ModelCompiler.Build.Tests.Tasks;

public sealed class PatchForOlderLinuxTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("modelcompiler-");
    private readonly Recorder _build = new();

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void ACopyTakesTheLibrarysPlaceAndTheLibraryStaysAsItIs()
    {
        string library = Library(Needing());
        byte[] before = File.ReadAllBytes(library);

        PatchForOlderLinux task = Run(library);

        Assert.Equal([library], task.Originals.Select(o => o.ItemSpec));
        ITaskItem copy = Assert.Single(task.Copies);
        Assert.Equal(Path.Combine(_directory.FullName, "obj", "libLibTorchSharp.so"), copy.ItemSpec);
        Assert.Equal("runtimes/linux-x64/native", copy.GetMetadata("DestinationSubDirectory"));
        Assert.Equal(before, File.ReadAllBytes(library));
        Assert.False(LibstdcxxPatch.Apply(File.ReadAllBytes(copy.ItemSpec)));
        Assert.Equal(File.GetLastWriteTimeUtc(library), File.GetLastWriteTimeUtc(copy.ItemSpec));
        Assert.Equal([copy.ItemSpec], Directory.GetFiles(Path.GetDirectoryName(copy.ItemSpec)!));
    }

    [Fact]
    public void ASecondBuildWritesNothing()
    {
        string library = Library(Needing());
        string copy = Run(library).Copies.Single().ItemSpec;
        File.WriteAllBytes(copy, new byte[new FileInfo(copy).Length]);
        File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(library));

        Assert.Equal(copy, Run(library).Copies.Single().ItemSpec);
        Assert.All(File.ReadAllBytes(copy), b => Assert.Equal(0, b));
    }

    [Fact]
    public void AnotherVersionOfTheLibraryIsPatchedAnew()
    {
        string library = Library(Needing());
        Run(library);
        File.WriteAllBytes(library, Needing().Symbol("malloc", 1).ToArray());

        string copy = Run(library).Copies.Single().ItemSpec;

        Assert.Equal(new FileInfo(library).Length, new FileInfo(copy).Length);
        Assert.False(LibstdcxxPatch.Apply(File.ReadAllBytes(copy)));
    }

    [Fact]
    public void TheFileThatAnOutputLinksToIsReplacedNotWrittenThrough()
    {
        string library = Library(Needing());
        string copy = Run(library).Copies.Single().ItemSpec;
        using FileStream output = File.OpenRead(copy);
        byte[] before = new byte[output.Length];
        output.ReadExactly(before);
        File.WriteAllBytes(library, Needing().Symbol("malloc", 1).ToArray());

        Run(library);

        Assert.Equal(before.Length, output.Length);
    }

    [Fact]
    public void ANewEnoughMachineNeedsNoCopy()
    {
        PatchForOlderLinux task = Run(Library(Needing()), hostIsNewEnough: true);
        Assert.Empty(task.Copies);
        Assert.Empty(task.Originals);
        Assert.False(Directory.Exists(Path.Combine(_directory.FullName, "obj")));
    }

    [Fact]
    public void ALibraryThatLoadsAnywhereNeedsNoCopy() =>
        Assert.Empty(Run(Library(new CraftedElf().Need("GLIBCXX_3.4", 2))).Copies);

    [Fact]
    public void ALibraryThatCannotBePatchedFailsTheBuildAndLeavesNothing()
    {
        string library = Library(Needing());
        File.WriteAllBytes(library, File.ReadAllBytes(library)[..100]);

        Assert.Empty(Run(library, succeeds: false).Copies);

        BuildErrorEventArgs error = Assert.Single(_build.Errors);
        Assert.Equal(("MC4001", library), (error.Code, error.File));
        Assert.Contains("needs GLIBCXX_3.4.32, which this machine's libstdc++ lacks", error.Message);
        Assert.Contains("it is truncated or damaged. Clear the NuGet cache", error.Message);
        Assert.False(Directory.Exists(Path.Combine(_directory.FullName, "obj")));
    }

    private static CraftedElf Needing() => new CraftedElf().Need(LibstdcxxPatch.Version, 3).Symbol(LibstdcxxPatch.Symbol, 3);

    private string Library(CraftedElf elf)
    {
        string path = Path.Combine(_directory.FullName, "libLibTorchSharp.so");
        File.WriteAllBytes(path, elf.ToArray());
        File.SetLastWriteTimeUtc(path, new DateTime(2026, 5, 7, 10, 3, 28, DateTimeKind.Utc));
        return path;
    }

    private PatchForOlderLinux Run(string library, bool hostIsNewEnough = false, bool succeeds = true)
    {
        var item = new TaskItem(library);
        item.SetMetadata("DestinationSubDirectory", "runtimes/linux-x64/native");
        var task = new PatchForOlderLinux
        {
            BuildEngine = _build,
            Libraries = [item],
            OutputDirectory = Path.Combine(_directory.FullName, "obj"),
            HostIsNewEnough = () => hostIsNewEnough,
        };
        Assert.Equal(succeeds, task.Execute());
        return task;
    }
}
