namespace ModelCompiler;

/// <summary>
/// Marks the static method of a model's class that paces its curriculum, for <c>curriculum: { pacing: method }</c>:
/// <c>static double Name(double progress)</c>. It is given the share of the curriculum's steps that are made, from 0 to 1, and
/// says which share of the way from <c>from</c> to <c>to</c> that is.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PacingAttribute : Attribute;
