using System.Text.Json;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// The weights of a folder as Hugging Face lays them out: <c>model.safetensors</c>, or several files with the index
/// <c>model.safetensors.index.json</c> that says which tensor lies in which. All files are mapped into memory and checked
/// against each other before any tensor is read.
/// </summary>
public sealed class SafetensorsFolder : IDisposable
{
    public const string SingleFile = "model.safetensors";
    public const string IndexFile = "model.safetensors.index.json";

    /// <summary>What holds weights as Python objects or in other frameworks' formats: reading such a file can run code.</summary>
    private static readonly string[] s_otherFormats = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf"];

    private readonly Dictionary<string, SafetensorsReader> _places = new(StringComparer.Ordinal);
    private readonly List<SafetensorsReader> _readers = [];

    private SafetensorsFolder(string path) => Path = path;

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The files, without their folder.</summary>
    public IReadOnlyList<string> Files { get; private set; } = [];

    /// <summary>Every tensor of all files.</summary>
    public IReadOnlyCollection<string> Names => _places.Keys;

    public TensorEntry this[string name] => Reader(name)[name];

    /// <summary>Whether a folder has weights in one of the two layouts.</summary>
    public static bool Exists(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, SingleFile)) || File.Exists(System.IO.Path.Combine(folder, IndexFile));

    /// <summary>Whether weights in these files have an index beside them.</summary>
    internal static bool HasIndex(IReadOnlyList<string> files) => files is not [SingleFile];

    /// <summary>
    /// Removes what is left of an earlier layout once these files are in place, which would otherwise be read in their stead: the single
    /// file comes before an index.
    /// </summary>
    /// <param name="folder">With the files and, if they have one, their index.</param>
    /// <param name="files">Without their folder.</param>
    internal static void RemoveOthers(string folder, IReadOnlyList<string> files)
    {
        File.Delete(System.IO.Path.Combine(folder, HasIndex(files) ? SingleFile : IndexFile));
        foreach (var other in Directory.GetFiles(folder, "model-*-of-*.safetensors").Where(file => !files.Contains(System.IO.Path.GetFileName(file))))
            File.Delete(other);
    }

    /// <summary>Opens the weights of a folder.</summary>
    /// <param name="folder">With <c>model.safetensors</c> or its index.</param>
    /// <exception cref="CheckpointException">There are none, or in another format; a file is missing or malformed; or the files and
    /// the index contradict each other.</exception>
    public static SafetensorsFolder Open(string folder)
    {
        var weights = new SafetensorsFolder(folder);
        try
        {
            var index = System.IO.Path.Combine(folder, IndexFile);
            if (File.Exists(System.IO.Path.Combine(folder, SingleFile)))
                weights.OpenFiles([SingleFile]);
            else if (File.Exists(index))
                weights.OpenIndex(index);
            else
                throw Missing(folder);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _places.ContainsKey(name);

    /// <inheritdoc cref="SafetensorsReader.Address"/>
    public nint Address(string name) => Reader(name).Address(name);

    /// <inheritdoc cref="SafetensorsReader.Stream"/>
    internal TensorBytes Stream(string name) => Reader(name).Stream(name);

    /// <summary>Whether two tensors have the same type, shape and bytes.</summary>
    internal unsafe bool SameValues(string first, string second)
    {
        var (a, b) = (this[first], this[second]);
        if (a.Type != b.Type || !a.Shape.AsSpan().SequenceEqual(b.Shape.AsSpan()))
            return false;
        const int Piece = 1 << 24;
        var left = (byte*)Address(first);
        var right = (byte*)Address(second);
        for (var start = 0L; start < a.ByteLength; start += Piece)
        {
            var length = (int)Math.Min(Piece, a.ByteLength - start);
            if (!new ReadOnlySpan<byte>(left + start, length).SequenceEqual(new ReadOnlySpan<byte>(right + start, length)))
                return false;
        }

        return true;
    }

    public void Dispose()
    {
        foreach (var reader in _readers)
            reader.Dispose();
    }

    private static CheckpointException Missing(string folder)
    {
        var other = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).Select(System.IO.Path.GetFileName).FirstOrDefault(name => s_otherFormats.Contains(System.IO.Path.GetExtension(name), StringComparer.OrdinalIgnoreCase))
            : null;
        return new CheckpointException(other is null
            ? $"The folder '{folder}' has no {SingleFile} and no {IndexFile}. Give the folder of a model as Hugging Face lays it out."
            : $"The folder '{folder}' has its weights in '{other}', which is not read: pickled and other formats can run code or lack checks. "
                + "Convert it to safetensors, e.g. in Python: AutoModel.from_pretrained(folder).save_pretrained(folder, safe_serialization=True).");
    }

    private SafetensorsReader Reader(string name) => _places.TryGetValue(name, out var reader)
        ? reader
        : throw new CheckpointException($"The weights in '{Path}' have no tensor '{name}'.");

    private void OpenFiles(IReadOnlyList<string> files)
    {
        Files = files;
        foreach (var file in files)
        {
            var reader = SafetensorsReader.Open(System.IO.Path.Combine(Path, file));
            _readers.Add(reader);
            foreach (var tensor in reader.Tensors)
            {
                if (!_places.TryAdd(tensor.Name, reader))
                    throw new CheckpointException($"Tensor '{tensor.Name}' lies in two files of '{Path}', '{file}' and another. Download the folder again.");
            }
        }
    }

    private void OpenIndex(string path)
    {
        var places = ReadIndex(path);
        OpenFiles([.. places.Values.Distinct().Order(StringComparer.Ordinal)]);
        var files = Files.Zip(_readers).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var (tensor, file) in places)
        {
            if (!files[file].Contains(tensor))
                throw new CheckpointException($"'{path}' says that tensor '{tensor}' lies in '{file}', but it does not. Download the folder again.");
        }

        if (_places.Keys.FirstOrDefault(name => !places.ContainsKey(name)) is { } stranger)
            throw new CheckpointException($"'{path}' does not list tensor '{stranger}', which one of its files has. Download the folder again.");
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var places = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in json.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                var file = entry.Value.GetString() ?? "";
                if (System.IO.Path.GetFileName(file) != file || !file.EndsWith(".safetensors", StringComparison.Ordinal))
                    throw new CheckpointException($"'{path}' puts tensor '{entry.Name}' into '{file}', which is no safetensors file of its folder. Download it again.");
                if (!places.TryAdd(entry.Name, file))
                    throw new CheckpointException($"'{path}' lists tensor '{entry.Name}' twice. Download it again.");
            }

            return places.Count > 0 ? places : throw new CheckpointException($"'{path}' lists no tensors. Download it again.");
        }
        catch (Exception e) when (e is (IOException and not CheckpointException) or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CheckpointException($"'{path}' is not a valid index of weights ({e.Message}). Download it again.", e);
        }
    }
}
