namespace ModelCompiler;

/// <summary>The albert family: <c>architecture: { family: albert, ... }</c>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture", Entry = "family: albert")]
public sealed class AlbertAttribute : EncoderFamilyAttribute;
