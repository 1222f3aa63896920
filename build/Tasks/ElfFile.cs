using System.Text;

namespace ModelCompiler.Build.Tasks;

/// <summary>
/// The dynamic-linking tables of a 64-bit little-endian ELF shared library, read and changed in place
/// (System V ABI, "Object Files"; LSB Core, "Symbol Versioning").
/// </summary>
/// <remarks>Every read is bounds-checked: a truncated or foreign file throws <see cref="InvalidDataException"/>.</remarks>
internal sealed class ElfFile
{
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const uint DynamicSymbols = 11;
    private const uint VersionNeeds = 0x6ffffffe;
    private const uint SymbolVersions = 0x6fffffff;
    private const ushort WeakFlag = 2;

    private readonly byte[] _bytes;
    private readonly Section _symbols;
    private readonly Section _strings;
    private readonly Section? _versions;
    private readonly Section? _needs;

    private readonly record struct Section(uint Type, int Offset, int Size, int Link, int Info);

    /// <summary>One version that the library asks of another one.</summary>
    /// <param name="Offset">File offset of the Vernaux entry.</param>
    /// <param name="Name">For example <c>GLIBCXX_3.4.32</c>.</param>
    /// <param name="Index">What the symbols bound to this version have in the versym table.</param>
    /// <param name="IsWeak">Whether the loader goes on without it.</param>
    public readonly record struct NeededVersion(int Offset, string Name, ushort Index, bool IsWeak);

    /// <exception cref="InvalidDataException">The bytes are no such library, or are cut off.</exception>
    public ElfFile(byte[] bytes)
    {
        _bytes = bytes;
        if (bytes.Length < 64 || UInt32(0) != 0x464c457f) throw new InvalidDataException("it is not an ELF file");
        if (bytes[4] != 2 || bytes[5] != 1) throw new InvalidDataException("it is not a 64-bit little-endian ELF file");

        int table = Offset(40);
        int count = UInt16(60);
        Section[] sections = [.. Enumerable.Range(0, count).Select(i => ReadSection(table + (i * SectionHeaderSize)))];

        _symbols = Find(DynamicSymbols) ?? throw new InvalidDataException("it has no dynamic symbol table");
        if (_symbols.Link < 0 || _symbols.Link >= count) throw new InvalidDataException("its symbol table names no string table");
        _strings = sections[_symbols.Link];
        _versions = Find(SymbolVersions);
        _needs = Find(VersionNeeds);

        Section? Find(uint type) => sections.Where(s => s.Type == type).Select(s => (Section?)s).FirstOrDefault();
    }

    /// <summary>The versions asked for, of all needed libraries, in file order.</summary>
    public IEnumerable<NeededVersion> NeededVersions()
    {
        if (_needs is not { } needs) yield break;
        int entry = needs.Offset;
        for (int i = 0; i < needs.Info; i++)
        {
            int aux = Following(entry, 8);
            int count = UInt16(entry + 2);
            for (int j = 0; j < count; j++)
            {
                yield return new NeededVersion(aux, Name(Int32(aux + 8)), UInt16(aux + 6), (UInt16(aux + 4) & WeakFlag) != 0);
                if (j < count - 1) aux = Following(aux, 12);
            }
            if (i < needs.Info - 1) entry = Following(entry, 12);
        }
    }

    /// <summary>Lets the loader go on when the version is missing.</summary>
    public void MakeWeak(NeededVersion version) =>
        Write(version.Offset + 4, (ushort)(UInt16(version.Offset + 4) | WeakFlag));

    /// <summary>Names of the dynamic symbols bound to <paramref name="version"/>, with their indices.</summary>
    public IReadOnlyList<(int Index, string Name)> SymbolsOf(NeededVersion version)
    {
        if (_versions is not { } versions) return [];
        return [.. Enumerable.Range(0, SymbolCount)
            .Where(i => (UInt16(versions.Offset + (2 * i)) & 0x7fff) == version.Index)
            .Select(i => (i, Name(NameOffset(i))))];
    }

    /// <summary>Gives an undefined symbol another name, no longer than its present one, and binds it to no version.</summary>
    /// <exception cref="InvalidDataException">The present name lies inside another one's bytes, or is too short.</exception>
    public void Rename(int symbol, string name)
    {
        int start = NameOffset(symbol);
        int length = Name(start).Length;
        bool isShared = Enumerable.Range(0, SymbolCount)
            .Any(i => i != symbol && NameOffset(i) >= start && NameOffset(i) <= start + length);
        if (isShared || name.Length > length) throw new InvalidDataException($"the name of its symbol {Name(start)} cannot be replaced");

        Array.Clear(_bytes, _strings.Offset + start, length);
        Encoding.ASCII.GetBytes(name).CopyTo(_bytes, _strings.Offset + start);
        Write(_versions!.Value.Offset + (2 * symbol), 1);
    }

    // Only ever forward, so that damaged entries never make a loop.
    private int Following(int entry, int field)
    {
        int distance = Int32(entry + field);
        return distance > 0 ? entry + distance : throw CutOff();
    }

    private int SymbolCount => _symbols.Size / SymbolSize;

    private int NameOffset(int symbol) => Int32(_symbols.Offset + (symbol * SymbolSize));

    private string Name(int offset)
    {
        if (offset < 0 || offset >= _strings.Size) throw CutOff();
        int start = _strings.Offset + offset;
        int end = Array.IndexOf(_bytes, (byte)0, start, _strings.Size - offset);
        return end < 0 ? throw CutOff() : Encoding.ASCII.GetString(_bytes, start, end - start);
    }

    private Section ReadSection(int at)
    {
        uint type = UInt32(Checked(at, SectionHeaderSize) + 4);
        int offset = Offset(at + 24);
        int size = Offset(at + 32);
        const uint noBits = 8;
        if (type != noBits && (long)offset + size > _bytes.Length) throw CutOff();
        return new Section(type, offset, size, Int32(at + 40), Int32(at + 44));
    }

    private int Offset(int at)
    {
        ulong value = BitConverter.ToUInt64(_bytes, Checked(at, 8));
        return value <= int.MaxValue ? (int)value : throw CutOff();
    }

    // BitConverter follows the machine's byte order, which is little-endian wherever .NET has libtorch.
    private uint UInt32(int at) => BitConverter.ToUInt32(_bytes, Checked(at, 4));

    private int Int32(int at) => BitConverter.ToInt32(_bytes, Checked(at, 4));

    private ushort UInt16(int at) => BitConverter.ToUInt16(_bytes, Checked(at, 2));

    private void Write(int at, ushort value) => BitConverter.GetBytes(value).CopyTo(_bytes, Checked(at, 2));

    private int Checked(int offset, int size) =>
        offset >= 0 && offset <= _bytes.Length - size ? offset : throw CutOff();

    private static InvalidDataException CutOff() => new("it is truncated or damaged");
}
