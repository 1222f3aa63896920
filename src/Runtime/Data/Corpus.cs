using System.Buffers.Binary;
using System.IO.Enumeration;
using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data;

/// <summary>
/// Training text: the files of a source, split into training and validation. Whole files are held out: in the order of a
/// hash of their names, each that still fits into the share of the bytes to be held out, and at least one. A source of
/// one file is split by position instead, at the end of a document, or of a line if it is one document.
/// </summary>
public sealed class Corpus
{
    private Corpus(string name, TextSplit training, TextSplit validation)
    {
        Name = name;
        Training = training;
        Validation = validation;
    }

    /// <summary>The source as declared.</summary>
    public string Name { get; }

    public TextSplit Training { get; }

    /// <summary>Empty if nothing is to be held out.</summary>
    public TextSplit Validation { get; }

    /// <summary>Finds the files of a source; reads none of them.</summary>
    /// <param name="source"><c>sdk-docs</c>, or a file or folder of .txt, .md, .jsonl or .parquet.</param>
    /// <param name="field">The text's field in JSONL and its column in Parquet.</param>
    /// <param name="validation">Share of the bytes held out for validation, from 0 (nothing) to 0.5.</param>
    /// <exception cref="DataException">The source does not exist or holds no text.</exception>
    public static Corpus Open(string source, string field = "text", double validation = 0.05)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(validation);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(validation, 0.5);
        var files = source == SdkDocumentation.Name ? SdkFiles() : UserFiles(source);
        if (files is [var single])
        {
            var cut = new SingleFileCut(single, field, validation);
            return new Corpus(
                source,
                new TextSplit("training", files, field, $"before {validation:R}", cut.ReadTraining),
                new TextSplit("validation", validation > 0 ? files : [], field, $"after {validation:R}", cut.ReadValidation));
        }

        var heldOut = HoldOut(files, validation);
        return new Corpus(
            source,
            TextSplit.OfFiles("training", [.. files.Where(file => !heldOut.Contains(file))], field),
            TextSplit.OfFiles("validation", [.. files.Where(heldOut.Contains)], field));
    }

    private static SourceFile[] SdkFiles()
    {
        var folder = SdkDocumentation.FindFolder();
        return Files(folder, Directory.EnumerateFiles(folder, "*.xml"));
    }

    private static SourceFile[] UserFiles(string source)
    {
        if (File.Exists(source))
        {
            return TextFormats.IsSupported(source)
                ? [SourceFile.Of(source, Path.GetDirectoryName(Path.GetFullPath(source))!)]
                : throw new DataException($"'{source}' is no text that can be read; give a file or folder of {TextFormats.Supported}.");
        }

        if (!Directory.Exists(source))
        {
            throw new DataException(
                $"The training text '{source}' does not exist. Give a file or folder of {TextFormats.Supported}, or {SdkDocumentation.Name}, "
                + "with --data (or data.source in the declaration).");
        }

        // Linked files are read (download caches are made of them); linked folders are not entered, they may be cycles.
        var found = new FileSystemEnumerable<string>(
            source, (ref FileSystemEntry entry) => entry.ToFullPath(), new EnumerationOptions { RecurseSubdirectories = true })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
        var files = Files(source, found.Where(TextFormats.IsSupported));
        return files.Length > 0 ? files : throw new DataException($"The folder '{source}' has no file of {TextFormats.Supported}.");
    }

    private static SourceFile[] Files(string folder, IEnumerable<string> paths) =>
        [.. paths.Select(path => SourceFile.Of(path, folder)).OrderBy(file => file.Name, StringComparer.Ordinal)];

    private static HashSet<SourceFile> HoldOut(SourceFile[] files, double share)
    {
        var heldOut = new HashSet<SourceFile>();
        if (share == 0)
            return heldOut;
        var left = (long)(share * files.Sum(file => file.Length));
        foreach (var file in files.OrderBy(file => NameHash(file.Name)).ThenBy(file => file.Name, StringComparer.Ordinal))
        {
            if (file.Length > left || heldOut.Count == files.Length - 1)
                continue;
            heldOut.Add(file);
            left -= file.Length;
        }

        if (heldOut.Count == 0)
            heldOut.Add(files.MinBy(file => file.Length)!);
        return heldOut;
    }

    /// <summary>A number that belongs to a file's name.</summary>
    internal static ulong NameHash(string name) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
}
