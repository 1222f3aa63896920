using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tests.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Runs of generated models that choose or order what they train on.</summary>
public sealed class ChosenDataTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly Dataset _data;
    private readonly GeneratedRuns _runs;

    public ChosenDataTests()
    {
        _data = _folder.OpenData();
        _runs = new GeneratedRuns(_folder, _data);
    }

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    /// <summary>Losses of samples, positions and orders come back exactly: each later step is that of the run that was not stopped.</summary>
    [Fact]
    public void A_resumed_run_goes_on_bit_identically()
    {
        const int stoppedAt = 11; // within the curricula, and in the second epoch of the samples of infobatch
        Run<DataSmall>("runs/DataSmall");
        AssertResumes<DataRandom>(stoppedAt);
        AssertResumes<DataInfobatch>(stoppedAt);
        AssertResumes<DataSelectiveBackprop>(stoppedAt);
        AssertResumes<DataRhoLoss>(stoppedAt);
        AssertResumes<DataEl2n>(stoppedAt);
        AssertResumes<DataScoredBf16>(stoppedAt);
        AssertResumes<DataEl2nBf16>(stoppedAt);
        AssertResumes<DataByLength>(stoppedAt);
        AssertResumes<DataByRarity>(stoppedAt);
        AssertResumes<DataByLoss>(stoppedAt);
        AssertResumes<DataByCompression>(stoppedAt);
        AssertResumes<DataByMethod>(stoppedAt);
    }

    [Fact]
    public void Infobatch_saves_backward_passes_and_scores_nothing()
    {
        var counts = Run<DataInfobatch>("runs/a").Steps[^1].Counts;
        Assert.Equal(24 * 8, counts.Trained);
        Assert.InRange(counts.Considered, 1.1 * counts.Trained, 2 * counts.Trained);
        Assert.Equal(0, counts.Scored);
    }

    [Fact]
    public void Selective_backprop_trains_on_the_harder_half()
    {
        var counts = Run<DataSelectiveBackprop>("runs/a").Steps[^1].Counts;
        Assert.Equal(24 * 8, counts.Trained);
        Assert.Equal(2 * counts.Trained, counts.Considered);
        Assert.InRange(counts.Scored, 1, counts.Considered);
    }

    /// <summary>Against the logits that the inference program gives after each token.</summary>
    [Fact]
    public void Errors_of_sequences_are_the_norms_of_softmax_minus_one_hot()
    {
        using var model = DataEl2n.Create(CPU, 1);
        GeneratedModels.Scramble(model);
        using var program = model.CreateTraining();
        using var inference = model.CreateInference();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var errors = new float[4];
        program.EvaluateErrors(tokens, targets, errors);
        for (var row = 0; row < 4; row++)
        {
            inference.Reset();
            var sum = 0.0;
            for (var i = row * 16; i < (row + 1) * 16; i++)
            {
                double[] exponentials = [.. inference.Forward([(int)tokens[i]]).ToArray().Select(logit => Math.Exp(logit))];
                sum += Math.Sqrt(exponentials.Select((e, token) => Math.Pow((e / exponentials.Sum()) - (token == targets[i] ? 1 : 0), 2)).Sum());
            }

            Assert.Equal(sum / 16, errors[row], 1e-4);
        }
    }

    /// <summary>Bit by bit: by the weights as they are, in training's arena, without a trace of it in the steps.</summary>
    [Fact]
    public void Scores_in_another_precision_are_those_of_a_model_that_trains_in_it()
    {
        using var model = DataScoredBf16.Create(CPU, 1);
        using var program = model.CreateTraining();
        using var other = DataTrainedBf16.Create(CPU, 2);
        using var oracle = other.CreateTraining();
        using var errors = DataEl2nBf16.Create(CPU, 3);
        using var erring = errors.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var (scores, expected, own) = (new float[4], new float[4], new float[4]);
        for (var step = 0; step < 3; step++)
        {
            Copy(model, other);
            Copy(model, errors);
            program.Score(tokens, targets, scores);
            oracle.Evaluate(tokens, targets, expected);
            program.Evaluate(tokens, targets, own);
            Assert.Equal(expected, scores);
            Assert.NotEqual(own, scores);
            for (var row = 0; row < 4; row++) Assert.Equal(own[row], scores[row], 0.02);

            erring.EvaluateErrors(tokens, targets, scores);
            oracle.EvaluateErrors(tokens, targets, expected);
            Assert.Equal(expected, scores);

            for (var micro = 0; micro < 2; micro++) program.Backpropagate(tokens, targets);
            program.Update(1e-2);
        }

        static void Copy(ICompiledModel from, ICompiledModel to)
        {
            foreach (var ((_, value), (_, copy)) in from.Parameters.Parameters().Zip(to.Parameters.Parameters())) copy.copy_(value);
            to.Parameters.CastCompute();
        }
    }

    [Fact]
    public void El2n_scores_once_and_keeps_the_share()
    {
        var steps = Run<DataEl2n>("runs/a").Steps;
        Assert.Equal(0, steps[5].Counts.Scored);
        Assert.Equal(40, steps[6].Counts.Scored);
        Assert.Equal(40, steps[^1].Counts.Scored);
        Assert.InRange(steps[^1].Counts.Considered, 24 + (1.5 * 72), 24 + (2.5 * 72));
    }

    [Fact]
    public void A_curriculum_over_length_makes_shorter_steps_and_then_the_subset_begins()
    {
        var steps = Run<DataByLength>("runs/a").Steps;
        Assert.Equal([16, 32, 48, 64], steps.Select(step => step.Tokens).Distinct());
        Assert.Equal(steps.Select(step => step.Tokens).Order(), steps.Select(step => step.Tokens));
        Assert.All(steps.Take(12), step => Assert.Equal(0, step.Counts.Trained));
        Assert.Equal(12 * 4, steps[^1].Counts.Trained);
    }

    [Fact]
    public void A_marked_method_is_asked_about_each_sample()
    {
        var before = DataByMethod.Calls;
        Run<DataByMethod>("runs/a");
        Assert.Equal((_data.Training.Count - 1) / 16, DataByMethod.Calls - before);
    }

    [Fact]
    public void A_scoring_model_that_was_not_trained_is_named()
    {
        var error = Assert.Throws<DataException>(() => Run<DataRhoLoss>("runs/a"));
        Assert.Contains("Train DataSmall first, with '" + _folder["runs/DataSmall"], error.Message);
    }

    [Fact]
    public void Losses_of_the_scoring_model_come_from_the_cache_until_it_is_trained_anew()
    {
        Run<DataSmall>("runs/DataSmall");
        var first = Losses();
        Assert.Equal(_data.Training.Count / 16, first.Length, 1.0);
        Assert.Equal(first, Losses());
        Run<DataSmall>("runs/DataSmall", seed: 2);
        Assert.NotEqual(first, Losses());

        float[] Losses()
        {
            using var model = DataSmall.Create(CPU, 1);
            var samples = new Runtime.Data.Batches.SampleWindows(_data.Training, 16, 10_000, 1);
            return Runtime.Training.Feeds.ScoringModel.Losses(model, _folder["runs/DataSmall"], _data, samples, 1, _ => { });
        }
    }

    /// <summary>What a run chooses and orders by must be what it began with: with other scores it would go on as another run.</summary>
    [Fact]
    public void A_run_is_not_resumed_under_a_scoring_model_that_was_trained_anew()
    {
        Run<DataSmall>("runs/DataSmall");
        _runs.Run<DataRhoLoss>("runs/rho", stopAfter: 11);
        _runs.Run<DataByLoss>("runs/loss", stopAfter: 11);
        Run<DataSmall>("runs/DataSmall", seed: 2);
        Assert.Contains("training.subset.holdout", Assert.Throws<CheckpointException>(() => _runs.Run<DataRhoLoss>("runs/rho", resume: true)).Message);
        Assert.Contains("trained anew", Assert.Throws<CheckpointException>(() => _runs.Run<DataByLoss>("runs/loss", resume: true)).Message);
    }

    [Fact]
    public void Nor_under_other_methods_of_its_curriculum()
    {
        _runs.Run<DataByMethod>("runs/a", stopAfter: 11);
        try
        {
            DataByMethod.OtherDifficulty = true;
            AssertRefused();
            (DataByMethod.OtherDifficulty, DataByMethod.OtherPacing) = (false, true);
            AssertRefused();
        }
        finally
        {
            (DataByMethod.OtherDifficulty, DataByMethod.OtherPacing) = (false, false);
        }

        Assert.Equal(13, _runs.Run<DataByMethod>("runs/a", resume: true).Steps.Count);

        void AssertRefused() => Assert.Contains(
            "a method with [Difficulty] or [Pacing] was changed", Assert.Throws<CheckpointException>(() => _runs.Run<DataByMethod>("runs/a", resume: true)).Message);
    }

    [Fact]
    public void The_records_show_how_far_a_curriculum_is_and_what_it_did()
    {
        int[] tokens = [.. Run<DataByLength>("runs/a").Steps.Select(step => step.Tokens)];
        Assert.Equal(tokens.Select(count => count / 4.0), Column("runs/a", "sequence-length"));
        Assert.Contains("4 in 4 batches, 8 in 4 batches, 12 in 4 batches, 16 in 12 batches", File.ReadAllText(Path.Combine(_folder["runs/a"], "report.html")));

        Run<DataByRarity>("runs/b");
        var shares = Column("runs/b", "curriculum-share");
        Assert.InRange(shares[0], 0.1, 0.12); // of whole samples
        Assert.Equal(shares.Order(), shares);
        Assert.All(shares[12..], share => Assert.Equal(1, share));
        Assert.Matches("1[01](\\.[0-9])? % of [0-9,]+ in the first batch, 100 % in the last", File.ReadAllText(Path.Combine(_folder["runs/b"], "report.html")));
    }

    private double[] Column(string folder, string name)
    {
        var table = new Runtime.Training.MetricsTable(Path.Combine(_folder[folder], "metrics.csv"));
        return [.. table[name]];
    }

    private void AssertResumes<TModel>(int stoppedAt)
        where TModel : ICompiledModel<TModel> => _runs.AssertResumes<TModel>(stoppedAt);

    private GeneratedRuns.Log Run<TModel>(string folder, int seed = 1)
        where TModel : ICompiledModel<TModel> => _runs.Run<TModel>(folder, seed: seed);
}
