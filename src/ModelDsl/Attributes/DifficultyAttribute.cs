namespace ModelCompiler;

/// <summary>
/// Marks the static method of a model's class that says how difficult a sample is, for <c>curriculum: { metric: method }</c>:
/// <c>static double Name(string text)</c>. Higher is more difficult; the text is that of one window of the training text.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DifficultyAttribute : Attribute;
