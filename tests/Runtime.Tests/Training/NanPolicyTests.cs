using System.Globalization;
using System.Text.RegularExpressions;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>Steps whose loss is not finite, put into a run on purpose.</summary>
public sealed class NanPolicyTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly Dataset _data;

    public NanPolicyTests() => _data = _folder.OpenData();

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Stop_ends_the_run_and_spares_its_checkpoints()
    {
        var error = Assert.Throws<TrainingDivergedException>(() => Train("a", NanPolicy.Stop, batch => batch == 60, out _));
        Assert.Contains("at step 61 the loss was NaN. Set a lower training.optimizer.learning-rate", error.Message);
        Assert.Equal([50, 0], RunFolder.Checkpoints(_folder["a"]).Select(checkpoint => checkpoint.Step));
    }

    [Fact]
    public void Skip_makes_no_update_and_counts()
    {
        var state = Train("a", NanPolicy.Skip, batch => batch is 60 or 61 or 70, out var model);
        Assert.Equal((120, 3, 0), (state.Step, state.SkippedSteps, state.SkippedInARow));
        Assert.Equal(117, model.Updates);
        Assert.Equal(state, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!));
        Assert.Equal(["61", "62", "71"], Rows("a").Where(row => row[4] == "NaN").Select(row => row[0]));
        Assert.Contains(model.Messages, message => message.Contains("at step 61 the loss was NaN: skipped"));
    }

    [Fact]
    public void A_run_of_steps_that_are_skipped_ends()
    {
        var error = Assert.Throws<TrainingDivergedException>(() => Train("a", NanPolicy.Skip, batch => batch >= 60, out _));
        Assert.Contains("at step 71 the loss was NaN, after 10 skipped steps in a row", error.Message);
    }

    [Fact]
    public void Rewind_goes_back_to_the_newest_checkpoint_and_leaves_the_batch_out()
    {
        var state = Train("a", NanPolicy.Rewind, batch => batch is 60 or 63, out var model);
        Assert.Equal([60L, 63L], state.SkippedBatches);
        Assert.Equal(120, state.Step);
        Assert.Equal([.. Enumerable.Range(0, 122).Where(batch => batch is not (60 or 63))], model.BatchesOf(state));
        Assert.Equal(Enumerable.Range(1, 120).Select(step => $"{step}"), Rows("a").Select(row => row[0]));
        Assert.DoesNotContain(Rows("a"), row => row[4] == "NaN");
        Assert.Contains(model.Messages, message => message.Contains("at step 61 the loss was NaN: back to step 50, and on without its batch"));
        Assert.Equal(state, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!));

        // As if the two batches had never been in the data.
        var clean = Train("clean", NanPolicy.Stop, _ => false, out _, start => start with { SkippedBatches = new([60, 63]) });
        Assert.Equal(Losses("clean"), Losses("a"));
        Assert.Equal(clean.Best, state.Best);
    }

    [Fact]
    public void Rewinding_again_goes_behind_a_checkpoint_that_holds_the_harm()
    {
        var harms = 0; // done by the 96th step, and so in the checkpoint of step 100, but not when the step is made again
        var state = Train("a", NanPolicy.Rewind, batch => (harms += batch == 95 ? 1 : 0) == 1 && batch >= 100, out var model);
        Assert.Equal([100L, 101L], state.SkippedBatches);
        Assert.Equal(120, state.Step);
        Assert.Equal([100, 50], model.Messages.Select(message => Regex.Match(message, "back to step ([0-9]+)")).Where(match => match.Success).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)));
        Assert.Equal(Enumerable.Range(1, 120).Select(step => $"{step}"), Rows("a").Select(row => row[0]));
        Assert.True(File.Exists(RunFolder.CheckpointPath(_folder["a"], 100) + ".refused"));
    }

    [Fact]
    public void Rewinding_ends()
    {
        var error = Assert.Throws<TrainingDivergedException>(() => Train("a", NanPolicy.Rewind, batch => batch >= 60, out _));
        Assert.Contains("at step 61 the loss was NaN, after going back 10 times", error.Message);
    }

    [Fact]
    public void Positions_pass_over_the_batches_that_are_left_out()
    {
        var state = TestSettings.Start<BigramModel>(_data, 10) with { SkippedBatches = new([0, 3, 4, 9]) };
        Assert.Equal([1, 2, 5, 6, 7, 8, 10, 11], Enumerable.Range(0, 8).Select(step => state.Position(step)));
    }

    private string[][] Rows(string name) =>
        [.. File.ReadAllLines(Path.Combine(_folder[name], "metrics.csv")).Skip(1).Select(row => row.Split(','))];

    private string[] Losses(string name) => [.. Rows(name).Select(row => row[4])];

    private RunState Train(
        string name, NanPolicy policy, Func<int, bool> isBad, out PoisonedModel model, Func<RunState, RunState>? start = null)
    {
        model = new PoisonedModel(policy, isBad, _data);
        using (model)
            return new Trainer(model, _data, (start ?? (state => state))(TestSettings.Start<BigramModel>(_data, 120)), _folder[name]).Run(model, default);
    }
}
