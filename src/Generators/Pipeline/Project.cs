using ModelCompiler.Generators.Methods;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>What surrounds a model in its project.</summary>
/// <param name="RootNamespace">The root namespace; empty for none.</param>
/// <param name="Accelerator">What its libtorch runs on, cpu or cuda; empty where the build does not say.</param>
/// <param name="Clashes">Places of names that more than one model has.</param>
/// <param name="Models">All models.</param>
/// <param name="Methods">The methods that are marked to be called.</param>
public sealed record Project(
    string RootNamespace, string Accelerator, EquatableArray<ModelPlace> Clashes, EquatableArray<ProjectModel> Models, EquatableArray<MarkedMethod> Methods);
