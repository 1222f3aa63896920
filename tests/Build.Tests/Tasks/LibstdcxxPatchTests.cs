using CsCheck;
using ModelCompiler.Build.Tasks;

namespace ModelCompiler.Build.Tests.Tasks;

public class LibstdcxxPatchTests
{
    private static CraftedElf Needing() => new CraftedElf()
        .Need("GLIBCXX_3.4.30", 2)
        .Need(LibstdcxxPatch.Version, 3)
        .Symbol("_ZNSo5flushEv", 2)
        .Symbol(LibstdcxxPatch.Symbol, 3)
        .Symbol("malloc", 1);

    [Fact]
    public void TheVersionBecomesWeakAndItsSymbolIsTakenFromTheCLibrary()
    {
        byte[] library = Needing().ToArray();
        byte[] before = [.. library];

        Assert.True(LibstdcxxPatch.Apply(library));

        var elf = new ElfFile(library);
        var versions = elf.NeededVersions().ToArray();
        Assert.Equal([("GLIBCXX_3.4.30", false), (LibstdcxxPatch.Version, true)], versions.Select(v => (v.Name, v.IsWeak)));
        Assert.Empty(elf.SymbolsOf(versions[1]));
        Assert.Equal([(1, "_ZNSo5flushEv")], elf.SymbolsOf(versions[0]));
        Assert.Equal([(2, "tzset"), (3, "malloc")], elf.SymbolsOf(versions[0] with { Index = 1 }));

        // The name, the flag and the symbol's version, and nothing else.
        int changed = library.Zip(before).Count(p => p.First != p.Second);
        Assert.Equal(LibstdcxxPatch.Symbol.Length + 1 + 1, changed);
    }

    [Fact]
    public void APatchedLibraryNeedsNoSecondPatch()
    {
        byte[] library = Needing().ToArray();
        Assert.True(LibstdcxxPatch.Apply(library));
        byte[] patched = [.. library];
        Assert.False(LibstdcxxPatch.Apply(library));
        Assert.Equal(patched, library);
    }

    [Fact]
    public void ALibraryThatAsksForOlderVersionsOnlyIsLeftAlone()
    {
        byte[] library = new CraftedElf().Need("GLIBCXX_3.4.30", 2).Symbol("_ZNSo5flushEv", 2).ToArray();
        byte[] before = [.. library];
        Assert.False(LibstdcxxPatch.Apply(library));
        Assert.Equal(before, library);
    }

    [Fact]
    public void AnotherSymbolOfTheVersionCannotBeReplaced()
    {
        byte[] library = Needing().Symbol("_ZNSt3abcEv", 3).ToArray();
        byte[] before = [.. library];
        var error = Assert.Throws<InvalidDataException>(() => LibstdcxxPatch.Apply(library));
        Assert.Equal("it needs _ZNSt3abcEv of GLIBCXX_3.4.32", error.Message);
        Assert.Equal(before, library);
    }

    [Fact]
    public void ANameThatAnotherSymbolSharesIsNotOverwritten()
    {
        byte[] library = new CraftedElf()
            .Need(LibstdcxxPatch.Version, 3)
            .Symbol(LibstdcxxPatch.Symbol, 3)
            .SymbolWithMergedName(skip: 4, version: 1)
            .ToArray();
        var error = Assert.Throws<InvalidDataException>(() => LibstdcxxPatch.Apply(library));
        Assert.Equal($"the name of its symbol {LibstdcxxPatch.Symbol} cannot be replaced", error.Message);
    }

    [Theory]
    [InlineData("", "it is not an ELF file")]
    [InlineData("<html>404</html>", "it is not an ELF file")]
    public void AFileOfAnotherKindIsNamed(string content, string message)
    {
        byte[] bytes = new byte[Math.Max(content.Length, content.Length == 0 ? 0 : 100)];
        System.Text.Encoding.ASCII.GetBytes(content, bytes);
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => LibstdcxxPatch.Apply(bytes)).Message);
    }

    [Fact]
    public void A32BitLibraryIsNamed()
    {
        byte[] library = Needing().ToArray();
        library[4] = 1;
        var error = Assert.Throws<InvalidDataException>(() => LibstdcxxPatch.Apply(library));
        Assert.Equal("it is not a 64-bit little-endian ELF file", error.Message);
    }

    [Fact]
    public void EveryTruncationIsAnError()
    {
        byte[] library = Needing().ToArray();
        for (int length = 0; length < library.Length; length++)
        {
            byte[] truncated = library[..length];
            Assert.Throws<InvalidDataException>(() => LibstdcxxPatch.Apply(truncated));
        }
    }

    [Fact]
    public void DamageGivesNoOtherException() =>
        Gen.Select(Gen.Int[0, Needing().ToArray().Length - 1], Gen.Byte).Array[1, 6].Sample(damage =>
        {
            byte[] library = Needing().ToArray();
            foreach (var (index, value) in damage) library[index] = value;
            try
            {
                LibstdcxxPatch.Apply(library);
            }
            catch (InvalidDataException)
            {
            }
        }, iter: 5_000);
}
