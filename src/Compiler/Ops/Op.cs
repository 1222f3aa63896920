using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// One operation of the IR: its shape rule, dtype policy, cost, gradient rule, kernel, and meaning in double precision.
/// A new op is one file here and one line in <see cref="OpTable"/>.
/// </summary>
public abstract class Op
{
    /// <summary>The name in <see cref="GraphText"/>, in snake_case.</summary>
    public abstract string Name { get; }

    /// <summary>Types of the outputs from those of the inputs; null for an optional input left out.</summary>
    /// <exception cref="GraphException">The inputs do not fit.</exception>
    public abstract IReadOnlyList<TensorType> Infer(Inputs inputs);

    /// <summary>Whether the parameter at this input stays fp32 under mixed precision. By default it is cast.</summary>
    public virtual bool KeepsFullPrecision(int input) => false;

    /// <summary>
    /// Whether computing it again costs a pass over memory and no matrix product, so that the backward pass may
    /// do so rather than keep the output.
    /// </summary>
    public virtual bool Cheap => false;

    /// <summary>Whether what it gives is data, as the tokens are: no gradient is asked of it.</summary>
    public virtual bool IsData => false;

    /// <summary>Whether output 0 may overwrite this input when nothing reads it afterwards.</summary>
    public virtual bool InPlace(int input) => false;

    /// <summary>
    /// Whether it can run over some of the rows at a time: what it gives of a row depends on that row of its inputs and on parameters alone,
    /// but for gradients of parameters, which are sums over the rows.
    /// </summary>
    public virtual bool ByRows => false;

    /// <summary>The floating-point operations of one execution, a multiply-add counted as two.</summary>
    public virtual long Flops(Inputs inputs) => 0;

    /// <summary>Adds the nodes of the gradients of the inputs, given those of the outputs.</summary>
    public virtual void Differentiate(GradientBuilder gradient) =>
        throw new GraphException($"{Name} has no gradient rule");

    /// <summary>Adds the nodes of the tangents of the outputs, given those of the inputs: what differentiating a gradient program needs.</summary>
    /// <exception cref="NotSupportedException">It has no tangent rule; the message says what has none.</exception>
    public virtual void Linearize(TangentBuilder tangent) => throw new NotSupportedException(Name);

    /// <summary>The call of the runtime that executes it.</summary>
    public abstract KernelCall Lower(Inputs inputs);

    /// <summary>How inference writes it into an ONNX graph; null for what has no form there.</summary>
    public virtual OnnxCall? Export(Inputs inputs) => null;

    /// <summary>The same in double precision, written to be evidently right: the oracle of tests.</summary>
    public abstract IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs);
}

/// <summary>What a rule sees of a node: input types and attributes.</summary>
public sealed class Inputs(Node node, IReadOnlyList<TensorType?> types)
{
    public Attributes Attributes => node.Attributes;

    public bool Has(int index) => index < types.Count && types[index] is not null;

    public TensorType this[int index] => Has(index)
        ? types[index]!
        : throw new GraphException($"{node.Op} lacks input {index}");

    public void Require(bool condition, string rule)
    {
        if (!condition)
            throw new GraphException($"{node.Op}({string.Join(", ", types.Select(t => t?.ToString() ?? "_"))}){node.Attributes}: {rule}");
    }

    /// <summary>Requires the input to have this many dimensions and returns its type.</summary>
    public TensorType Rank(int index, int rank)
    {
        Require(this[index].Shape.Count == rank, $"input {index} must have {rank} dimensions");
        return this[index];
    }
}

/// <summary>A tensor of doubles in row-major order.</summary>
public sealed record ReferenceTensor(double[] Data, long[] Shape)
{
    public static ReferenceTensor Zeros(params long[] shape) => new(new double[shape.Aggregate(1L, (a, b) => a * b)], shape);

    public ReferenceTensor Like() => Zeros(Shape);

    public int Last => (int)Shape[Shape.Length - 1];

    public int Rows => Data.Length / Math.Max(1, Last);
}

public sealed class ReferenceInputs(Node node, IReadOnlyList<ReferenceTensor?> tensors)
{
    public Attributes Attributes => node.Attributes;

    public bool Has(int index) => index < tensors.Count && tensors[index] is not null;

    public ReferenceTensor this[int index] => tensors[index] ?? throw new GraphException($"{node.Op} lacks input {index}");

    /// <summary>The tensor at this input; null for an optional input left out.</summary>
    public ReferenceTensor? Find(int index) => Has(index) ? tensors[index] : null;

    /// <summary>The inputs of another op that this one is made of.</summary>
    public static ReferenceInputs Of(string op, params ReferenceTensor?[] inputs) =>
        new(new Node(op, EquatableArray<string>.Empty, EquatableArray<Value>.Empty, Attributes.None, ""), inputs);

    /// <summary>The same with other inputs, for another op that this one is made of.</summary>
    public ReferenceInputs As(string op, params ReferenceTensor?[] inputs) => new(node with { Op = op }, inputs);

    /// <summary>The prior value of an accumulated gradient, or zeros.</summary>
    public double[] Prior(int index, int length) => Has(index) ? (double[])this[index].Data.Clone() : new double[length];
}
