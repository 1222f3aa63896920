using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Attributes;

/// <summary>A mapping to which several attributes may add: <c>[Training]</c> and <c>[Optimizer]</c> both stand in training.</summary>
internal sealed class Section(SourceSpan span)
{
    private readonly List<(string Key, SourceSpan Span, Func<SpecNode> Value)> _entries = [];
    private readonly Dictionary<string, Section> _inner = new(StringComparer.Ordinal);

    public void Add(string key, SourceSpan keySpan, SpecNode value) => _entries.Add((key, keySpan, () => value));

    public Section Inner(string key, SourceSpan keySpan)
    {
        if (!_inner.TryGetValue(key, out var section))
        {
            _inner.Add(key, section = new Section(keySpan));
            _entries.Add((key, keySpan, section.ToNode));
        }

        return section;
    }

    public SpecNode ToNode() => new MappingNode(
        _entries.Select(entry => new MappingEntry(entry.Key, entry.Span, entry.Value())).ToEquatableArray(), span);
}
