using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Records of the language as C# expressions.</summary>
internal static class RecordLiteral
{
    /// <summary>The record with the keys that are given and have an effect.</summary>
    public static string Of(object record)
    {
        var shape = RecordShape.Of(record.GetType());
        var values = shape.Keys
            .Where(key => shape.HasEffect(key, record))
            .Select(key => (key.PropertyName, Value: key.Get(record)))
            .Where(pair => pair.Value is not (null or EquatableArray<string> { Count: 0 } or EquatableArray<int> { Count: 0 } or EquatableArray<LayerSpec> { Count: 0 }))
            .Select(pair => $"{pair.PropertyName} = {Value(pair.Value!)}");
        return $"new {record.GetType().Name} {{ {string.Join(", ", values)} }}";
    }

    private static string Value(object value) => value switch
    {
        string text => Text(text),
        bool truth => truth ? "true" : "false",
        int number => Number(number),
        double number => Number(number),
        Enum => $"{value.GetType().Name}.{value}",
        EquatableArray<string> texts => $"EquatableArray.Of({string.Join(", ", texts.Select(Text))})",
        EquatableArray<int> numbers => $"EquatableArray.Of({string.Join(", ", numbers.Select(number => Number(number)))})",
        _ => Of(value),
    };
}
