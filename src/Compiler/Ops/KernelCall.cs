using System.Globalization;

namespace ModelCompiler.Compiler.Ops;

/// <summary>An argument of a kernel: an input or output of the node, or C# text.</summary>
public readonly record struct KernelArgument(KernelArgumentKind Kind, int Index, string Text)
{
    public static KernelArgument In(int index) => new(KernelArgumentKind.Input, index, "");

    public static KernelArgument Out(int index) => new(KernelArgumentKind.Output, index, "");

    /// <summary>The first inputs, as one array.</summary>
    public static KernelArgument Array(int count) => new(KernelArgumentKind.Array, count, "");

    /// <summary>Whether the kernel adds to its gradient outputs: true when this optional input is given.</summary>
    public static KernelArgument Accumulate(int index) => new(KernelArgumentKind.Accumulate, index, "");

    public static implicit operator KernelArgument(string text) => new(KernelArgumentKind.Text, 0, text);

    public static implicit operator KernelArgument(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static implicit operator KernelArgument(long value) => value.ToString(CultureInfo.InvariantCulture);
}

public enum KernelArgumentKind
{
    Input,
    Output,
    Accumulate,
    Array,
    Text,
}

/// <summary>
/// A call of <c>ModelCompiler.Runtime.Kernels</c>. The names B and T in arguments are the emitted program's batch and
/// sequence. <see cref="Cached"/> is the call over a key-value cache, for inference, where that differs:
/// it may use <c>at</c>, the sequences that the rows continue, and the caches of the layer.
/// </summary>
public sealed record KernelCall(string Method, params KernelArgument[] Arguments)
{
    public KernelCall? Cached { get; init; }
}
