using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>
/// A layer that has two forms: one that is fast for the many tokens of a prompt, and one for the few of a step of generation. Both have
/// weights of their own.
/// </summary>
internal sealed class PromptLinear(ILinearForm prompt, ILinearForm step) : ILinearForm
{
    /// <summary>The graph's value that says which is wanted.</summary>
    public const string IsPrompt = "is_prompt";

    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias) => builder.If(
        IsPrompt, name, () => prompt.Write(builder, name + ".prompt", x, weight, bias), () => step.Write(builder, name + ".step", x, weight, bias));
}
