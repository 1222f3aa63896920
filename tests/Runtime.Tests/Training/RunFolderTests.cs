using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class RunFolderTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly Dataset _data;

    public RunFolderTests() => _data = _folder.OpenData();

    private string Run => _folder["run"];

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_newest_checkpoints_are_kept()
    {
        Train(200);
        Assert.Equal([200, 150, 100], RunFolder.Checkpoints(Run).Select(checkpoint => checkpoint.Step)); // one each 50, 3 of them
        Assert.Equal(RunFolder.CheckpointPath(Run, 200), RunFolder.LastPath(Run));
        Assert.Equal("step-000200.safetensors", Path.GetFileName(RunFolder.LastPath(Run)));
        Assert.Null(RunFolder.LastPath(_folder["none"]));
    }

    [Fact]
    public void A_checkpoint_with_any_bit_flipped_is_refused()
    {
        Train(60);
        var path = RunFolder.LastPath(Run)!;
        var whole = File.ReadAllBytes(path);
        var header = BitConverter.ToInt32(whole) + 8;
        var random = new Random(1);
        int[] places = [.. Enumerable.Range(0, header), .. Enumerable.Range(0, 50).Select(_ => random.Next(header, whole.Length)), whole.Length - 1];
        foreach (var place in places)
        {
            var damaged = (byte[])whole.Clone();
            damaged[place] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, damaged);
            Assert.Throws<CheckpointException>(() => ModelCheckpoint.ReadState(path, BigramModel.Definition));
        }

        File.WriteAllBytes(path, whole);
        Assert.Equal(60, ModelCheckpoint.ReadState(path, BigramModel.Definition).Step);
    }

    [Theory]
    [InlineData("cut off", "cut off")]
    [InlineData("empty", "too few for a header")]
    [InlineData("flipped", "was damaged: its content does not match its SHA-256")]
    [InlineData("foreign", "written by another declaration than Bigram's")]
    [InlineData("no run", "is no checkpoint of a training run")]
    [InlineData("renamed", "is of step 50: it was renamed")]
    public void The_newest_good_checkpoint_is_used_and_the_others_refused_with_their_reason(string damage, string reason)
    {
        Train(60);
        var expected = File.ReadAllBytes(RunFolder.CheckpointPath(Run, 60));
        Damage(RunFolder.CheckpointPath(Run, 60), damage);
        var messages = new List<string>();
        var state = RunFolder.Newest(Run, BigramModel.Definition, messages.Add);
        Assert.Equal(50, state.Step);
        Assert.Contains(reason, Assert.Single(messages));
        Assert.Contains(RunFolder.CheckpointPath(Run, 60), messages[0]);

        // Continued from there, the run writes that checkpoint again.
        using var model = BigramModel.Create(torch.CPU, 1);
        new Trainer(model, _data, state, Run).Run(new NoObserver(), default);
        Assert.Equal(expected, File.ReadAllBytes(RunFolder.CheckpointPath(Run, 60)));
        Assert.True(File.Exists(RunFolder.CheckpointPath(Run, 60) + ".refused"));
        Assert.Equal(Enumerable.Range(1, 60).Select(step => $"{step}"), MetricRows().Select(row => row.Split(',')[0]));
    }

    [Fact]
    public void Without_a_good_checkpoint_nothing_is_resumed()
    {
        Train(60);
        foreach (var (_, path) in RunFolder.Checkpoints(Run))
            Damage(path, "cut off");
        var messages = new List<string>();
        var error = Assert.Throws<CheckpointException>(() => RunFolder.Newest(Run, BigramModel.Definition, messages.Add));
        Assert.Contains("No checkpoint in", error.Message);
        Assert.Equal(3, messages.Count);
        Assert.Equal(3, RunFolder.Checkpoints(Run).Count); // nothing is moved or deleted
    }

    [Fact]
    public void A_new_run_puts_the_one_before_aside()
    {
        Train(200);
        File.WriteAllText(Path.Combine(Run, "notes.txt"), "of the user");
        var before = File.ReadAllBytes(RunFolder.LastPath(Run)!);
        Train(60);
        Assert.Equal([60, 50, 0], RunFolder.Checkpoints(Run).Select(checkpoint => checkpoint.Step));
        var previous = Path.Combine(Run, "previous");
        Assert.Equal(before, File.ReadAllBytes(RunFolder.LastPath(previous)!));
        Assert.True(File.Exists(RunFolder.BestPath(previous)));
        Assert.True(File.Exists(Path.Combine(previous, "metrics.csv")));
        Assert.True(File.Exists(Path.Combine(Run, "notes.txt")));
        Assert.Equal(60, MetricRows().Length);
    }

    [Fact]
    public void A_run_that_goes_on_from_its_start_moves_nothing_into_previous()
    {
        Train(60);
        Train(60);
        var previous = Directory.GetFiles(Path.Combine(Run, "previous"));
        Damage(RunFolder.CheckpointPath(Run, 50), "cut off");
        Damage(RunFolder.CheckpointPath(Run, 60), "cut off");
        var state = RunFolder.Newest(Run, BigramModel.Definition, _ => { });
        Assert.Equal(0, state.Step);
        using var model = BigramModel.Create(torch.CPU, 1);
        new Trainer(model, _data, state, Run, resumes: true).Run(new NoObserver(), default);
        Assert.Equal(previous, Directory.GetFiles(Path.Combine(Run, "previous")));
        Assert.True(File.Exists(RunFolder.CheckpointPath(Run, 60) + ".refused"));
    }

    [Fact]
    public void A_start_that_is_killed_while_it_moves_an_earlier_run_away_loses_nothing_of_it()
    {
        var files = KilledWhileMoving();
        Train(60);
        Assert.Equal(files, Content(Path.Combine(Run, "previous")));
        Assert.Equal([60, 50, 0], RunFolder.Checkpoints(Run).Select(checkpoint => checkpoint.Step));
        Assert.False(Directory.Exists(Path.Combine(Run, "previous.new")));
    }

    [Fact]
    public void And_the_earlier_run_can_be_resumed()
    {
        var files = KilledWhileMoving();
        RunFolder.TakeBack(Run);
        Assert.Equal(files, Content(Run));
        Assert.Equal(120, RunFolder.Newest(Run, BigramModel.Definition, Assert.Fail).Step);
        Assert.False(Directory.Exists(Path.Combine(Run, "previous.new")));
        Assert.True(Directory.Exists(Path.Combine(Run, "previous"))); // of the run before, as it was
    }

    /// <summary>A run of 120 steps, before which there was another, half of it moved away by a third.</summary>
    /// <returns>Its files.</returns>
    private (string Name, string Content)[] KilledWhileMoving()
    {
        Train(60);
        Train(120);
        var files = Content(Run);
        var gathering = Directory.CreateDirectory(Path.Combine(Run, "previous.new")).FullName;
        foreach (var name in new[] { "report.html", "metrics.csv", "best.safetensors", "tokenizer_config.json", "step-000050.safetensors" })
            File.Move(Path.Combine(Run, name), Path.Combine(gathering, name));
        return files;
    }

    private static (string Name, string Content)[] Content(string folder) =>
        [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(path => (Path.GetFileName(path), Convert.ToBase64String(File.ReadAllBytes(path))))];

    [Fact]
    public void Two_processes_do_not_train_in_one_folder()
    {
        using (RunFolder.Open(Run, null))
            Assert.Contains("Another process trains in", Assert.Throws<CheckpointException>(() => RunFolder.Open(Run, null)).Message);
        RunFolder.Open(Run, null).Dispose();
        Assert.Empty(Directory.GetFiles(Run));
    }

    [Fact]
    public void What_a_killed_writer_left_is_removed()
    {
        Directory.CreateDirectory(Run);
        File.WriteAllText(Path.Combine(Run, "step-000050.safetensors.0123456789abcdef.tmp"), "half");
        RunFolder.Open(Run, null).Dispose();
        Assert.Empty(Directory.GetFiles(Run));
    }

    private void Damage(string path, string damage)
    {
        var bytes = File.ReadAllBytes(path);
        switch (damage)
        {
            case "cut off":
                File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
                break;
            case "empty":
                File.WriteAllBytes(path, []);
                break;
            case "flipped":
                bytes[^100] ^= 4;
                File.WriteAllBytes(path, bytes);
                break;
            case "foreign":
                using (var model = BigramModel.Create(torch.CPU, 1))
                    ModelCheckpoint.Save(path, model, TestSettings.Start<BigramModel>(_data, 60) with { Step = 60, SpecHash = "another" });
                break;
            case "no run":
                SafetensorsWriter.Write(path, [CheckpointTensor.FromArray("x", DType.F32, [1], [1f])], new Dictionary<string, string>());
                break;
            case "renamed":
                File.Copy(RunFolder.CheckpointPath(Run, 50), path, overwrite: true);
                break;
        }
    }

    private string[] MetricRows() => [.. File.ReadAllLines(Path.Combine(Run, "metrics.csv")).Skip(1)];

    private void Train(int steps)
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        new Trainer(model, _data, TestSettings.Start<BigramModel>(_data, steps), Run).Run(new NoObserver(), default);
    }
}
