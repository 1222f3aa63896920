using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data;

/// <summary>The training or the validation part of a corpus.</summary>
public sealed class TextSplit
{
    private readonly Func<IEnumerable<TextPiece>> _read;

    internal TextSplit(string name, IReadOnlyList<SourceFile> files, string field, string part, Func<IEnumerable<TextPiece>> read)
    {
        Name = name;
        Files = files;
        _read = read;
        Fingerprint = Hash(files, field, part);
    }

    /// <summary><c>training</c> or <c>validation</c>.</summary>
    public string Name { get; }

    public IReadOnlyList<SourceFile> Files { get; }

    /// <summary>Changes when a file's name, length or time of change does, and when it is read in another way.</summary>
    public string Fingerprint { get; }

    /// <summary>Streams the text. Documents come in the order of the files' names, the pieces of one after each other.</summary>
    /// <exception cref="DataException">A file cannot be read.</exception>
    public IEnumerable<TextPiece> Read() => _read();

    internal static TextSplit OfFiles(string name, IReadOnlyList<SourceFile> files, string field) =>
        new(name, files, field, "whole", () => files.SelectMany(file => TextFormats.Read(file.Path, field)));

    private static string Hash(IEnumerable<SourceFile> files, string field, string part)
    {
        var text = new StringBuilder($"{TextFormats.Version}\n{part}\n{field}\n");
        foreach (var file in files)
            text.Append($"{file.Name}\n{file.Length} {file.Modified.Ticks}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
