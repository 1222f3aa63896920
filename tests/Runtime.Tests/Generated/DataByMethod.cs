namespace ModelCompiler.Runtime.Tests;

/// <summary>The user's part of a model whose curriculum calls methods.</summary>
internal partial class DataByMethod
{
    private static int s_calls;

    /// <summary>How often its difficulty was asked for.</summary>
    public static int Calls => s_calls;

    [Difficulty]
    private static double Digits(string text)
    {
        Interlocked.Increment(ref s_calls);
        return text.Count(char.IsDigit);
    }

    [Pacing]
    private static double Slowly(double progress) => progress * progress;
}
