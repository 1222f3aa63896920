using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>The tree in which both front ends hand a declaration to the <see cref="SpecBinder"/>.</summary>
public abstract record SpecNode(SourceSpan Span)
{
    /// <summary>The same tree elsewhere, for a text that stands inside another one.</summary>
    public abstract SpecNode Move(Func<SourceSpan, SourceSpan> move);
}

/// <summary>Entries in the order of the text; a key may be there twice, which the binder reports.</summary>
public sealed record MappingNode(EquatableArray<MappingEntry> Entries, SourceSpan Span) : SpecNode(Span)
{
    public override SpecNode Move(Func<SourceSpan, SourceSpan> move) => new MappingNode(
        Entries.Select(entry => new MappingEntry(entry.Key, move(entry.KeySpan), entry.Value.Move(move))).ToEquatableArray(),
        move(Span));
}

public sealed record MappingEntry(string Key, SourceSpan KeySpan, SpecNode Value);

public sealed record SequenceNode(EquatableArray<SpecNode> Items, SourceSpan Span) : SpecNode(Span)
{
    public override SpecNode Move(Func<SourceSpan, SourceSpan> move) =>
        new SequenceNode(Items.Select(item => item.Move(move)).ToEquatableArray(), move(Span));
}

/// <param name="Text">Numbers in invariant culture, booleans as true and false, enum values in kebab-case.</param>
/// <param name="Quoted">Is text even where it looks like a number or a boolean.</param>
/// <param name="Span">Where it stands.</param>
public sealed record ScalarNode(string Text, bool Quoted, SourceSpan Span) : SpecNode(Span)
{
    /// <summary>Nothing, or YAML's null: a key without a value.</summary>
    public bool IsNull => !Quoted && Text is "" or "~" or "null";

    public override SpecNode Move(Func<SourceSpan, SourceSpan> move) => new ScalarNode(Text, Quoted, move(Span));
}
