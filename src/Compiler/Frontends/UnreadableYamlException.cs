using ModelCompiler.Compiler.Diagnostics;
using YamlDotNet.Core;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>YAML that the language does not use, or too much of it.</summary>
internal sealed class UnreadableYamlException(DiagnosticInfo info, Mark start, Mark end, string message)
    : YamlException(start, end, message)
{
    public DiagnosticInfo Info { get; } = info;
}
