namespace ModelCompiler.Runtime.Tests;

/// <summary>The user's part of a model whose curriculum calls methods.</summary>
internal partial class DataByMethod
{
    private static int s_calls;

    /// <summary>How often its difficulty was asked for.</summary>
    public static int Calls => s_calls;

    /// <summary>As if its author had changed the method with <c>[Difficulty]</c>, or that with <c>[Pacing]</c>.</summary>
    public static bool OtherDifficulty { get; set; }

    public static bool OtherPacing { get; set; }

    [Difficulty]
    private static double Digits(string text)
    {
        Interlocked.Increment(ref s_calls);
        return OtherDifficulty ? text.Count(c => c == 'o') : text.Count(char.IsDigit);
    }

    [Pacing]
    private static double Slowly(double progress) => OtherPacing ? progress : progress * progress;
}
