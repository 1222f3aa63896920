namespace ModelCompiler.Generators;

/// <summary>Names of the generator's steps, in the order in which they run; tests ask the driver why each one ran.</summary>
public static class TrackingNames
{
    /// <summary>The text of each model file.</summary>
    public const string SpecFiles = nameof(SpecFiles);

    /// <summary>The attributes of each model class, as the front ends' neutral tree.</summary>
    public const string AttributedClasses = nameof(AttributedClasses);

    /// <summary>Text or attributes read: spec, source map, diagnostics.</summary>
    public const string Read = nameof(Read);

    /// <summary>The spec alone, without positions.</summary>
    public const string Spec = nameof(Spec);

    /// <summary>The specs of all models of the project.</summary>
    public const string Specs = nameof(Specs);

    /// <summary>A spec with that of its teacher, where it names one.</summary>
    public const string Teacher = nameof(Teacher);

    /// <summary>The passes.</summary>
    public const string Compile = nameof(Compile);

    /// <summary>The root namespace of the project.</summary>
    public const string Namespace = nameof(Namespace);

    /// <summary>What the project's libtorch runs on.</summary>
    public const string Accelerator = nameof(Accelerator);

    /// <summary>Names that more than one model has.</summary>
    public const string Clashes = nameof(Clashes);

    /// <summary>What models know of each other.</summary>
    public const string Models = nameof(Models);

    /// <summary>Methods that are marked to be called by generated code.</summary>
    public const string MarkedMethods = nameof(MarkedMethods);

    /// <summary>The compiled model beside its source map and its project again.</summary>
    public const string Locate = nameof(Locate);

    /// <summary>The generated files.</summary>
    public const string Emit = nameof(Emit);

    /// <summary>Everything to report, with positions.</summary>
    public const string Diagnose = nameof(Diagnose);
}
