namespace ModelCompiler.Runtime.Training;

/// <summary>The checkpoint that a model's frozen weights are from.</summary>
/// <param name="Path">The file.</param>
/// <param name="Digest">The SHA-256 of its content, as it states it; empty where it states none.</param>
/// <param name="SpecHash">The <see cref="ModelDescription.SpecHash"/> of the model that wrote it; empty where no run did.</param>
public sealed record BaseCheckpoint(string Path, string Digest, string SpecHash);
