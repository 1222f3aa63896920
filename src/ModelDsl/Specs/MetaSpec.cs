namespace ModelCompiler.ModelDsl;

/// <summary>Training for adaptation: parameters from which a few gradient steps on a new task's examples lead far.</summary>
[Shorthand("method")]
public sealed record MetaSpec
{
    [Key("method", "What the parameters are moved by.", Required = true)]
    public MetaMethod Method { get; init; }

    [Key("inner-steps", "Gradient steps on a task's support set.", Min = 1, Max = 1000)]
    public int InnerSteps { get; init; } = 1;

    [Key("inner-rate", "Their learning rate, or what the learned ones begin with.", Min = 1e-9, Max = 1000)]
    public double InnerRate { get; init; } = 0.01;

    [Key("learn-rates", "Whether each parameter learns an inner rate of its own (Meta-SGD, Li et al. 2017).")]
    [OnlyWith("method", MetaMethod.Maml, MetaMethod.Fomaml)]
    public bool LearnRates { get; init; }

    [Key("tasks", "Tasks in a step, the meta-batch.", Min = 1, Max = 65_536)]
    public int Tasks { get; init; } = 4;

    [Key("support", "Examples of a task that the inner steps see. Default: batch.", Min = 1, Max = 65_536)]
    public int? Support { get; init; }

    [Key("query", "Further examples of it, by which the adapted parameters are judged. Default: batch.", Min = 1, Max = 65_536)]
    public int? Query { get; init; }

    [Key("by", "What makes a task of the data. Default: namespace for sdk-docs, else folder.")]
    public TaskKind? By { get; init; }

    [Key("field", "The field of JSONL that names a text's task.")]
    [OnlyWith("by", TaskKind.Field)]
    public string Field { get; init; } = "task";

    /// <summary>The same with every default filled in.</summary>
    public static MetaSpec? Resolve(ModelSpec model) => model.Training.Meta is not { } declared ? null : declared with
    {
        Support = declared.Support ?? model.Training.Batch,
        Query = declared.Query ?? model.Training.Batch,
        By = declared.By ?? (model.Training.Data.Source == new DataSpec().Source ? TaskKind.Namespace : TaskKind.Folder),
    };

    /// <summary>Whether the gradient of the inner steps is differentiated.</summary>
    public bool IsSecondOrder => Method is MetaMethod.Maml or MetaMethod.Anil;
}

/// <summary>What meta-learning moves the parameters by.</summary>
public enum MetaMethod
{
    /// <summary>The gradient of the query loss after the inner steps, through them (Finn et al. 2017).</summary>
    Maml,

    /// <summary>The same as if the inner steps added constants: first-order MAML.</summary>
    Fomaml,

    /// <summary>As maml, with inner steps of the output head alone (Raghu et al. 2020).</summary>
    Anil,

    /// <summary>Towards where the inner steps lead (Nichol et al. 2018).</summary>
    Reptile,
}

/// <summary>What makes a task of the data.</summary>
public enum TaskKind
{
    /// <summary>The folder that a text lies in; of a JSONL file there, each line is a text.</summary>
    Folder,

    /// <summary>A field of JSONL.</summary>
    Field,

    /// <summary>The namespace that a member of sdk-docs is in.</summary>
    Namespace,

    /// <summary>What the model's static method with <c>[Tasks]</c> gives.</summary>
    Method,
}
