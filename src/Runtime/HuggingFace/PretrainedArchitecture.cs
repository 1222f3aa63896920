using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>An architecture of Hugging Face's transformers: its configuration to a declaration and back, and its tensors' names.</summary>
internal abstract class PretrainedArchitecture
{
    /// <summary><c>model_type</c> in config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary>The Python class of a model with its head.</summary>
    public abstract string ClassName { get; }

    /// <summary>What the names of tensors begin with in a model with a head and lack in one without, e.g. <c>transformer.</c>.</summary>
    public abstract string Prefix { get; }

    /// <summary>The names of all tensors.</summary>
    public abstract IReadOnlyList<TensorRule> Tensors { get; }

    /// <summary>Names of tensors that are not read: what is not trained, such as masks of older files, and heads for other tasks.</summary>
    public virtual IReadOnlyList<string> Unused => [];

    /// <summary>The architecture that a configuration describes, with limits that only a longer context would meet.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It uses what a declaration cannot say.</exception>
    public abstract ArchitectureSpec Read(StrictObject config);

    /// <summary>
    /// The configuration of an architecture, as far as it can say it: whether it is the same model is for the caller to
    /// see, by reading it back.
    /// </summary>
    public abstract JsonObject Write(ArchitectureSpec architecture);
}
