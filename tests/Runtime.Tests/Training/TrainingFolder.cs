using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>A temporary folder with a little text to train on.</summary>
internal sealed class TrainingFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("training-").FullName;

    public TrainingFolder()
    {
        Directory.CreateDirectory(Text);
        for (var i = 0; i < 20; i++)
            File.WriteAllText(Path.Combine(Text, $"{i}.txt"), string.Concat(Enumerable.Repeat($"The quick brown fox {i} jumps over the lazy dog.\n", 40)));
    }

    public string Text => this["text"];

    public string this[string name] => Path.Combine(_path, name);

    public Dataset OpenData(double validation = 0.1) =>
        Dataset.Open(TestSettings.Create() with { Source = Text, Validation = validation }, 256);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
