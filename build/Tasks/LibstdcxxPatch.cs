namespace ModelCompiler.Build.Tasks;

/// <summary>
/// Lets a library that was built with GCC 13 or later load beside the libstdc++ of an older Linux.
/// </summary>
/// <remarks>
/// Such a library asks for <c>GLIBCXX_3.4.32</c> only for <c>std::ios_base_library_init()</c>, with which a program asks for
/// iostreams to be initialised. An older libstdc++ does that by itself in every library that includes &lt;iostream&gt;, and
/// libtorch_cpu.so is one. So the call may go to any <c>void()</c> that is always there and does no harm: <c>tzset</c>.
/// </remarks>
internal static class LibstdcxxPatch
{
    public const string Version = "GLIBCXX_3.4.32";
    public const string Symbol = "_ZSt21ios_base_library_initv";
    private const string Substitute = "tzset";

    /// <summary>Changes <paramref name="library"/> in place.</summary>
    /// <returns>False, and nothing changed, if the library does not insist on <see cref="Version"/>.</returns>
    /// <exception cref="InvalidDataException">
    /// The bytes are no 64-bit ELF library, are damaged, or need more of that version than <see cref="Symbol"/>.
    /// </exception>
    public static bool Apply(byte[] library)
    {
        var elf = new ElfFile(library);
        ElfFile.NeededVersion? needed = elf.NeededVersions()
            .Where(v => v.Name == Version && !v.IsWeak)
            .Select(v => (ElfFile.NeededVersion?)v)
            .FirstOrDefault();
        if (needed is not { } version) return false;

        var symbols = elf.SymbolsOf(version);
        string[] others = [.. symbols.Select(s => s.Name).Where(n => n != Symbol)];
        if (others.Length > 0) throw new InvalidDataException($"it needs {string.Join(", ", others)} of {Version}");

        foreach (var (index, _) in symbols) elf.Rename(index, Substitute);
        elf.MakeWeak(version);
        return true;
    }
}
