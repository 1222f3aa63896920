using System.Text;

namespace ModelCompiler.Build.Tests.Tasks;

/// <summary>
/// Builds a small ELF library byte by byte: a header, a symbol table of undefined symbols, its names, the symbols' versions,
/// and what it needs of libstdc++.so.6.
/// </summary>
internal sealed class CraftedElf
{
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private readonly List<byte> _names = [0];
    private readonly List<(int Name, ushort Version)> _symbols = [(0, 0)];
    private readonly List<(int Name, ushort Index)> _needs = [];
    private readonly int _library;

    public CraftedElf() => _library = AddName("libstdc++.so.6");

    /// <summary>Asks for a version; its symbols name it by <paramref name="index"/>.</summary>
    public CraftedElf Need(string version, ushort index)
    {
        _needs.Add((AddName(version), index));
        return this;
    }

    public CraftedElf Symbol(string name, ushort version)
    {
        _symbols.Add((AddName(name), version));
        return this;
    }

    /// <summary>A symbol whose name is the end of the name added last, as linkers merge them.</summary>
    public CraftedElf SymbolWithMergedName(int skip, ushort version)
    {
        _symbols.Add((_symbols[^1].Name + skip, version));
        return this;
    }

    public byte[] ToArray()
    {
        byte[] symbols = Bytes(w => _symbols.ForEach(s => { w.Write(s.Name); w.Write(new byte[20]); }));
        byte[] versions = Bytes(w => _symbols.ForEach(s => w.Write(s.Version)));
        byte[] needs = Bytes(WriteNeeds);
        byte[][] contents = [[], symbols, [.. _names], versions, needs];
        (uint Type, int Link, int Info)[] kinds = [(0, 0, 0), (11, 2, 1), (3, 0, 0), (0x6fffffff, 1, 0), (0x6ffffffe, 2, 1)];

        return Bytes(w =>
        {
            w.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            w.Write((ushort)3);  // shared object
            w.Write((ushort)62); // x86-64
            w.Write(1);
            w.Write(0L);         // entry
            w.Write(0L);         // no program headers
            w.Write((long)(HeaderSize + contents.Sum(c => c.Length)));
            w.Write(0);
            w.Write((ushort)HeaderSize);
            w.Write(0);          // sizes and count of program headers
            w.Write((ushort)SectionHeaderSize);
            w.Write((ushort)contents.Length);
            w.Write((ushort)0);
            foreach (byte[] content in contents) w.Write(content);

            int offset = HeaderSize;
            foreach (var (content, kind) in contents.Zip(kinds))
            {
                w.Write(0);
                w.Write(kind.Type);
                w.Write(new byte[16]); // flags, address
                w.Write((long)offset);
                w.Write((long)content.Length);
                w.Write(kind.Link);
                w.Write(kind.Info);
                w.Write(new byte[16]); // alignment, entry size
                offset += content.Length;
            }
        });
    }

    private void WriteNeeds(BinaryWriter w)
    {
        w.Write((ushort)1);
        w.Write((ushort)_needs.Count);
        w.Write(_library);
        w.Write(16); // to the first Vernaux
        w.Write(0);
        for (int i = 0; i < _needs.Count; i++)
        {
            w.Write(0); // hash
            w.Write((ushort)0);
            w.Write(_needs[i].Index);
            w.Write(_needs[i].Name);
            w.Write(i < _needs.Count - 1 ? 16 : 0);
        }
    }

    private int AddName(string name)
    {
        int offset = _names.Count;
        _names.AddRange(Encoding.ASCII.GetBytes(name + '\0'));
        return offset;
    }

    private static byte[] Bytes(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream)) write(writer);
        return stream.ToArray();
    }
}
