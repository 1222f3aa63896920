namespace ModelCompiler.Runtime.Data.Tasks;

/// <summary>The tasks of meta-learning: those that are trained on, and others that are held out for validation.</summary>
public interface ITaskSource
{
    /// <summary>Number of tasks.</summary>
    int Count(bool heldOut);

    /// <summary>The examples of a task, of which the support set and the query set are drawn; the same each time.</summary>
    /// <param name="task">From 0.</param>
    /// <param name="heldOut">Whether of those that are held out.</param>
    TaskExamples Examples(int task, bool heldOut);
}
