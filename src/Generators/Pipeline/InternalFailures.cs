namespace ModelCompiler.Generators.Pipeline;

internal static class InternalFailures
{
    /// <summary>What to say of a fault of the compiler, on one line.</summary>
    public static string Message(string model, Exception fault) =>
        $"the compiler failed on {model}: {fault.GetType().Name}: {fault.Message.Replace("\r", "").Replace('\n', ' ')}; "
        + "please report it with the model's declaration";
}
