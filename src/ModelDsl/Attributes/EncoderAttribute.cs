namespace ModelCompiler;

/// <summary>The encoder family: <c>architecture: { family: encoder, ... }</c>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture", Entry = "family: encoder")]
public sealed class EncoderAttribute : EncoderFamilyAttribute;
