using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Tests;

public sealed class LoweringsTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "lowerings.txt");

    [Fact]
    public void TheFastestIsChosenOnceAndRemembered()
    {
        var runs = 0;
        var lowerings = new Lowerings(_file);
        Assert.Equal(1, lowerings.Choose("case", ["slow", "fast"], Run));
        var measured = runs;
        Assert.Equal(1, lowerings.Choose("case", ["slow", "fast"], Run));
        Assert.Equal(1, new Lowerings(_file).Choose("case", ["slow", "fast"], Run));
        Assert.Equal(measured, runs);
        Assert.StartsWith("case: fast (slow ", Assert.Single(lowerings.Choices).ToString(), StringComparison.Ordinal);
        Assert.Equal("case: fast", Assert.Single(new Lowerings(_file).Choices).ToString());

        void Run(int candidate)
        {
            runs++;
            if (candidate == 0) Thread.Sleep(50);
        }
    }

    /// <summary>As processes that run at once do: the choices of both are kept, and the first is everyone's.</summary>
    [Fact]
    public void TwoThatChooseAtOnceAgree()
    {
        var (one, other) = (new Lowerings(_file), new Lowerings(_file));
        Assert.Equal(0, one.Choose("first", ["a", "b"], candidate => Thread.Sleep(10 * candidate)));
        Assert.Equal(1, other.Choose("second", ["a", "b"], candidate => Thread.Sleep(10 - (10 * candidate))));
        Assert.Equal(0, other.Choose("first", ["a", "b"], _ => Assert.Fail("it was known")));
        // The file changes while this one measures.
        Assert.Equal(1, one.Choose("third", ["a", "b"], candidate => File.WriteAllText(_file, "third\tb\n")));
        Assert.Equal(["first", "second", "third"], new Lowerings(_file).Choices.Select(choice => choice.Case));
    }

    [Fact]
    public void ALoweringThatIsRefusedIsLeftOut()
    {
        Assert.Equal(1, new Lowerings(null).Choose("case", ["refused", "works"], candidate => Refuse(candidate == 0)));
        Assert.Throws<NativeException>(() => new Lowerings(null).Choose("case", ["refused"], _ => Refuse(true)));

        static void Refuse(bool refused)
        {
            if (refused) throw new NativeException("refused");
        }
    }

    [Fact]
    public void AFileThatCannotBeUnderstoodIsMeasuredAnew()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
        File.WriteAllText(_file, "nonsense\ncase\tgone\n");
        Assert.Equal(0, new Lowerings(_file).Choose("case", ["only"], _ => { }));
        Assert.Equal("case\tonly\n", File.ReadAllText(_file));
    }

    public void Dispose()
    {
        if (Directory.Exists(Path.GetDirectoryName(_file))) Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);
    }
}
