namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>A checkpoint cannot be read. The message names the file, the tensor where there is one, and the remedy.</summary>
public sealed class CheckpointException : IOException
{
    public CheckpointException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
