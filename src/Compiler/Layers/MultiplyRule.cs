using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class MultiplyRule() : TwoBranchRule<MultiplyLayer>("multiply");
