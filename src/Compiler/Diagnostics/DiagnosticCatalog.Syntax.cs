namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo EmptyFile = Error(
        "MC1001", "Empty model", "The file declares nothing.");

    public static readonly DiagnosticInfo MalformedYaml = Error(
        "MC1002", "Malformed YAML", "The text is not YAML.");

    public static readonly DiagnosticInfo SeveralDocuments = Error(
        "MC1003", "Several YAML documents", "A model file holds one document.");

    public static readonly DiagnosticInfo UnsupportedYaml = Error(
        "MC1004", "Unsupported YAML", "Anchors, aliases, tags and keys that are not plain text are not part of the language.");

    public static readonly DiagnosticInfo TooLarge = Error(
        "MC1005", "Model too large to read", "The text is too long or too deeply nested.");

    public static readonly DiagnosticInfo UnknownKey = Error(
        "MC1006", "Unknown key", "The language has no such key at this place.");

    public static readonly DiagnosticInfo MissingKey = Error(
        "MC1007", "Missing key", "A required key is not there.");

    public static readonly DiagnosticInfo DuplicateKey = Error(
        "MC1008", "Duplicate key", "A key is given more than once in one mapping.");

    public static readonly DiagnosticInfo WrongType = Error(
        "MC1009", "Wrong type", "A value is not of its key's type.");

    public static readonly DiagnosticInfo MissingValue = Error(
        "MC1010", "Missing value", "A key stands without a value.");

    public static readonly DiagnosticInfo UnknownValue = Error(
        "MC1011", "Unknown value", "A value is not one of its key's choices.");

    public static readonly DiagnosticInfo OutOfRange = Error(
        "MC1012", "Out of range", "A number is outside its key's range.");

    public static readonly DiagnosticInfo UnknownLayer = Error(
        "MC1013", "Unknown layer", "The layer language has no such layer.");

    public static readonly DiagnosticInfo LayerForm = Error(
        "MC1014", "Not one layer", "A layer is its name, or a mapping whose only key is its name.");

    public static readonly DiagnosticInfo EmptyList = Error(
        "MC1015", "Empty list", "A list needs at least one item.");

    public static readonly DiagnosticInfo NoEffect = Warning(
        "MC1016", "Key without effect", "A key does nothing beside the other keys that are given.");

    public static readonly DiagnosticInfo InvalidModelName = Error(
        "MC1017", "Invalid model name", "A model's name becomes a C# class and must be a C# identifier.");

    public static readonly DiagnosticInfo InvalidNamespace = Error(
        "MC1018", "Invalid namespace", "A namespace is C# identifiers joined by dots.");

    public static readonly DiagnosticInfo InvalidLayerName = Error(
        "MC1019", "Invalid layer name", "A layer's name is lower-case letters, digits and hyphens, and begins with a letter.");

    public static readonly DiagnosticInfo DuplicateLayerName = Error(
        "MC1020", "Duplicate layer name", "Two layers of one scope have the same name.");

    public static readonly DiagnosticInfo DuplicateModel = Error(
        "MC1021", "Duplicate model", "Two models of one project have the same name.");

    public static readonly DiagnosticInfo ClassNotPartial = Error(
        "MC1022", "Model class not partial", "The generated code is another part of the class.");

    public static readonly DiagnosticInfo ClassNested = Error(
        "MC1023", "Model class nested", "A model class is not nested in another type.");

    public static readonly DiagnosticInfo ClassGeneric = Error(
        "MC1024", "Model class generic", "A model class has no type parameters.");

    public static readonly DiagnosticInfo ClassStatic = Error(
        "MC1025", "Model class static or abstract", "A model class has instances.");

    public static readonly DiagnosticInfo NoModelAttribute = Error(
        "MC1026", "Attribute without [Model]", "An attribute of the language stands on a class that is not a model.");
}
