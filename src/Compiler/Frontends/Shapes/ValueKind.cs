namespace ModelCompiler.Compiler.Frontends.Shapes;

/// <summary>What the value of a key is.</summary>
public enum ValueKind
{
    Text,
    WholeNumber,
    Number,
    Boolean,
    Choice,
    Record,
    TextList,
    NumberList,
    LayerList,
    ByteSize,
    Count,
}
