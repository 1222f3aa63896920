using System.Diagnostics;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>
/// Threads that take the parts of an op until none is left: one that the system holds up delays no more than the part it has begun, and what
/// a token comes to does not depend on who computed which. While a pass runs they spin, for the next op comes within microseconds;
/// behind it for some milliseconds if that is asked for; then they sleep until the next.
/// </summary>
internal sealed class StepTeam : IDisposable
{
    /// <summary>As many as the state of an op counts.</summary>
    public const int MostParts = ushort.MaxValue;

    /// <summary>Spinning behind a pass, and within one before others are let run.</summary>
    private static readonly long s_rest = Stopwatch.Frequency / 500, s_patience = Stopwatch.Frequency / 1000;

    private readonly Thread[] _helpers;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly bool _spins;
    private StepTokens? _tokens;
    private IStepOp? _op;
    private int _firstToken, _done, _sleeping;
    private uint _number;
    private long _state; // number of the op, its parts, the next of them: 32, 16 and 16 bits
    private volatile bool _runs, _ends;

    /// <param name="threads">With the caller's: at least 2.</param>
    /// <param name="spins">Whether they spin for a while behind a pass.</param>
    public StepTeam(int threads, bool spins)
    {
        _spins = spins;
        _helpers = [.. Enumerable.Range(1, threads - 1).Select(number => new Thread(Help) { IsBackground = true, Name = $"ModelCompiler step {number}" })];
        foreach (var helper in _helpers) helper.Start();
    }

    /// <summary>Runs ops over tokens, one after the other; those behind the last layers only over tokens whose logits are wanted.</summary>
    /// <param name="ops">In order.</param>
    /// <param name="headFrom">The first of those.</param>
    /// <param name="tokens">All.</param>
    /// <param name="wanted">The last of them, whose logits are wanted.</param>
    public void Run(IStepOp[] ops, int headFrom, StepTokens tokens, int wanted)
    {
        (_tokens, _runs) = (tokens, true);
        if (Interlocked.Exchange(ref _sleeping, 0) is > 0 and var sleeping) _wake.Release(sleeping);
        for (var i = 0; i < ops.Length; i++)
        {
            var first = i < headFrom ? 0 : tokens.Count - wanted;
            if (ops[i].Parts == 1) RunAlone(ops[i], tokens, first);
            else Share(ops[i], first);
        }

        _runs = false;
    }

    /// <summary>The same on this thread alone.</summary>
    public static void RunAlone(IStepOp[] ops, int headFrom, StepTokens tokens, int wanted)
    {
        for (var i = 0; i < ops.Length; i++) RunAlone(ops[i], tokens, i < headFrom ? 0 : tokens.Count - wanted);
    }

    public void Dispose()
    {
        _ends = true;
        _wake.Release(_helpers.Length);
        foreach (var helper in _helpers) helper.Join();
        _wake.Dispose();
    }

    private static void RunAlone(IStepOp op, StepTokens tokens, int first)
    {
        for (var part = 0; part < op.Parts; part++) op.Run(tokens, first, part);
    }

    private void Share(IStepOp op, int first)
    {
        (_op, _firstToken, _done) = (op, first, 0);
        Volatile.Write(ref _state, (long)((ulong)++_number << 32) | ((long)op.Parts << 16));
        while (TryTake()) ;
        var since = 0L;
        while (Volatile.Read(ref _done) < op.Parts) Wait(ref since);
    }

    /// <summary>Runs the next part; false if there is none.</summary>
    private bool TryTake()
    {
        var state = Volatile.Read(ref _state);
        while ((ushort)state < (ushort)(state >> 16))
        {
            var seen = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (seen == state)
            {
                // The op does not change before this part of it is done.
                _op!.Run(_tokens!, _firstToken, (ushort)state);
                Interlocked.Increment(ref _done);
                return true;
            }

            state = seen;
        }

        return false;
    }

    private void Help()
    {
        var since = 0L;
        while (!_ends)
        {
            if (TryTake()) since = 0;
            else if (_runs || (_spins && !IsOver(since, s_rest))) Wait(ref since);
            else
            {
                Sleep();
                since = 0;
            }
        }
    }

    /// <summary>Until the next pass, or not at all if that has begun meanwhile.</summary>
    private void Sleep()
    {
        Interlocked.Increment(ref _sleeping);
        for (var sleeping = _sleeping; _runs && sleeping > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _sleeping, sleeping - 1, sleeping);
            if (seen == sleeping) return;
            sleeping = seen;
        }

        _wake.Wait();
    }

    /// <summary>A moment; a core that has waited for long is offered to others.</summary>
    private static void Wait(ref long since)
    {
        if (since == 0) since = Stopwatch.GetTimestamp();
        if (IsOver(since, s_patience)) Thread.Yield();
        else Thread.SpinWait(1);
    }

    private static bool IsOver(long since, long time) => since != 0 && Stopwatch.GetTimestamp() - since > time;
}
