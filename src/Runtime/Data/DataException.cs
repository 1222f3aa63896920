namespace ModelCompiler.Runtime.Data;

/// <summary>Training text, a tokenizer or a token cache cannot be used. The message names the file and the remedy.</summary>
public sealed class DataException : IOException
{
    public DataException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
