using Parquet;
using Parquet.Schema;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>Each row of a Parquet file is a document, the text of one column. Null and empty texts are passed over.</summary>
internal static class ParquetText
{
    public static IEnumerable<TextPiece> Read(string path, string column)
    {
        var reader = Wait(ParquetReader.CreateAsync(path));
        try
        {
            var field = Column(reader, path, column);
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                foreach (var text in Texts(reader, group, field))
                {
                    if (!string.IsNullOrEmpty(text))
                        yield return new TextPiece(text, EndsDocument: true);
                }
            }
        }
        finally
        {
            Wait(reader.DisposeAsync().AsTask());
        }
    }

    private static DataField Column(ParquetReader reader, string path, string column)
    {
        var fields = reader.Schema.DataFields;
        return fields.FirstOrDefault(f => f.Name == column && f.ClrType == typeof(ReadOnlyMemory<char>) && !f.IsArray)
            ?? throw new DataException(
                $"{path}: there is no text column '{column}'; set data.field to one of: {string.Join(", ", fields.Select(f => f.Name))}.");
    }

    private static string?[] Texts(ParquetReader reader, int group, DataField field)
    {
        using var rows = reader.OpenRowGroupReader(group);
        var texts = new string?[checked((int)rows.RowCount)];
        Wait(rows.ReadAsync(field, texts.AsMemory()).AsTask());
        return texts;
    }

    // The library is asynchronous; reading training text is not.
    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static void Wait(Task task) => task.GetAwaiter().GetResult();
}
