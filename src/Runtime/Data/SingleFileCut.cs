using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data;

/// <summary>
/// Splits one file by position. Training has the documents that start before the position, validation the others and at
/// least the last. A file of one document is cut at the last line end before the position, or else at the first after it.
/// </summary>
internal sealed class SingleFileCut(SourceFile file, string field, double share)
{
    /// <summary>Characters of text that belong to training.</summary>
    private long? _position;

    public IEnumerable<TextPiece> ReadTraining() => share == 0 ? Pieces() : Part(training: true);

    public IEnumerable<TextPiece> ReadValidation() => share == 0 ? [] : Part(training: false);

    private IEnumerable<TextPiece> Pieces() => TextFormats.Read(file.Path, field);

    private IEnumerable<TextPiece> Part(bool training)
    {
        var position = _position ??= FindPosition();
        long start = 0;
        foreach (var piece in Pieces())
        {
            var before = (int)Math.Clamp(position - start, 0, piece.Text.Length);
            start += piece.Text.Length;
            var text = training ? piece.Text[..before] : piece.Text[before..];
            if (text.Length > 0)
                yield return new TextPiece(text, piece.EndsDocument || (training && start >= position));
        }
    }

    private long FindPosition()
    {
        // Two readings rather than one that keeps the place of every document and line: the result is cached.
        long characters = 0;
        long documents = 0;
        foreach (var piece in Pieces())
        {
            characters += piece.Text.Length;
            documents += piece.EndsDocument ? 1 : 0;
        }

        var target = (long)((1 - share) * characters);
        var position = documents > 1 ? DocumentEnd(target, documents) : LineEnd(target, characters);
        return position ?? throw new DataException(
            $"'{file.Path}' has fewer than two lines, so nothing can be held out for validation. "
            + "Give a second file, or set data.validation to 0.");
    }

    private long? DocumentEnd(long target, long documents)
    {
        long position = 0;
        foreach (var piece in Pieces())
        {
            position += piece.Text.Length;
            if (piece.EndsDocument && (position >= target || --documents == 1))
                return position;
        }

        return null;
    }

    private long? LineEnd(long target, long characters)
    {
        long start = 0;
        long? last = null;
        foreach (var piece in Pieces())
        {
            for (var i = piece.Text.IndexOf('\n'); i >= 0; i = piece.Text.IndexOf('\n', i + 1))
            {
                var end = start + i + 1;
                if (end == characters || (end > target && last is not null))
                    return last;
                last = end;
                if (end > target)
                    return last;
            }

            start += piece.Text.Length;
        }

        return last;
    }
}
