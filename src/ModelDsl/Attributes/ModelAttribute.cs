namespace ModelCompiler;

/// <summary>
/// Declares a model: the compiler generates the other part of this partial class. The class gives the model its name and
/// its namespace; <c>[Decoder]</c>, or <c>[Architecture]</c> and <c>[Blocks]</c>, its layers.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("")]
public sealed class ModelAttribute : Attribute;
