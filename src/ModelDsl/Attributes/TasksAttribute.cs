namespace ModelCompiler;

/// <summary>
/// Marks the static method of a model's class that gives its tasks, for <c>meta: { by: method }</c>:
/// <c>static ITaskSource Name(ITextTokenizer tokenizer)</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TasksAttribute : Attribute;
