using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ModelCompiler.Benchmarks.Generator;

internal sealed class SpecFile(string text) : AdditionalText
{
    public override string Path => "benchmark.model.yaml";

    public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
}
