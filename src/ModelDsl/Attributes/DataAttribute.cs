using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>The training text and its tokenizer.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.data")]
public sealed class DataAttribute : Attribute
{
    public string Source { get; set; } = "";

    public string Field { get; set; } = "";

    public string Label { get; set; } = "";

    public TokenizerKind Tokenizer { get; set; }

    public string TokenizerFile { get; set; } = "";

    public double Validation { get; set; }
}
