using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class AddRule() : TwoBranchRule<AddLayer>("add");
