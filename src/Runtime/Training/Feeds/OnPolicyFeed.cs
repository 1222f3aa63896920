using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>
/// Batches of which some sequences are continued by the student as it is now, so that its teacher sees what it would write (Agarwal et al. 2024,
/// GKD). What is drawn follows from seed, position, place in the batch and the student's weights: a resumed run draws the same.
/// </summary>
/// <param name="batches">The text.</param>
/// <param name="student">Writes.</param>
/// <param name="policy">How much of it, and when.</param>
/// <param name="seed">Of the run.</param>
internal sealed class OnPolicyFeed(ITrainingFeed batches, ICompiledModel student, OnPolicySpec policy, int seed) : ITrainingFeed
{
    private readonly IInferenceProgram _program = student.CreateInference();
    private readonly Batch _batch = new(student.Description.Batch * student.Description.Training.Accumulate, student.Description.Context);
    private readonly int[] _token = new int[1];
    private int[] _prompt = [];

    public IReadOnlyList<ICheckpointPart> Parts => batches.Parts;

    public Batch Next(long position)
    {
        var text = batches.Next(position);
        if (position % policy.Every != 0) return text;
        _batch.Fill(text);
        var rows = text.Tokens.Length / text.Length;
        for (var row = 0; row < (int)Math.Round(policy.Share * rows); row++)
            Continue(_batch.TokensOf(row), _batch.TargetsOf(row), new Sampler(new SamplingOptions { Temperature = policy.Temperature, Seed = SeedOf(position, row) }));
        return _batch;
    }

    public void Trained(Batch batch)
    {
        if (!ReferenceEquals(batch, _batch)) batches.Trained(batch);
    }

    public void Dispose()
    {
        _program.Dispose();
        batches.Dispose();
    }

    /// <summary>Keeps the first tokens of a sequence and draws the others.</summary>
    private void Continue(Span<long> tokens, Span<long> targets, Sampler sampler)
    {
        var prompt = Math.Clamp(policy.Prompt ?? tokens.Length / 4, 1, tokens.Length);
        if (_prompt.Length != prompt) _prompt = new int[prompt];
        for (var i = 0; i < prompt; i++) _prompt[i] = (int)tokens[i];
        _program.Reset();
        var logits = _program.Forward(_prompt);
        for (var i = prompt - 1; ; i++)
        {
            var token = sampler.Sample(logits);
            targets[i] = token;
            if (i == tokens.Length - 1) return;
            tokens[i + 1] = token;
            _token[0] = token;
            logits = _program.Forward(_token);
        }
    }

    private int SeedOf(long position, int row) => unchecked((int)(Shuffle.Mix(Shuffle.Mix((ulong)seed) + ((ulong)position << 16) + (ulong)row) >> 33));
}
