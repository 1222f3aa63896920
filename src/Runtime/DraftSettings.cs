using TorchSharp;

namespace ModelCompiler.Runtime;

/// <summary>The declared model that proposes tokens to another (<c>speculate</c>).</summary>
/// <param name="Model">What it is.</param>
/// <param name="Create">Makes it.</param>
/// <param name="Tokens">Tokens that it proposes at a time.</param>
public sealed record DraftSettings(ModelDescription Model, Func<torch.Device, ICompiledModel> Create, int Tokens);
