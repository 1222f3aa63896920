namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>An element type of the safetensors format.</summary>
public enum DType
{
    Bool,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    U16,
    I16,
    F16,
    BF16,
    U32,
    I32,
    F32,
    U64,
    I64,
    F64,
}

public static class DTypes
{
    private static readonly (DType Type, string Name, int Size)[] s_table =
    [
        (DType.Bool, "BOOL", 1), (DType.U8, "U8", 1), (DType.I8, "I8", 1), (DType.F8E5M2, "F8_E5M2", 1), (DType.F8E4M3, "F8_E4M3", 1),
        (DType.U16, "U16", 2), (DType.I16, "I16", 2), (DType.F16, "F16", 2), (DType.BF16, "BF16", 2),
        (DType.U32, "U32", 4), (DType.I32, "I32", 4), (DType.F32, "F32", 4),
        (DType.U64, "U64", 8), (DType.I64, "I64", 8), (DType.F64, "F64", 8),
    ];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType type) => s_table[(int)type].Size;

    /// <summary>The name in a safetensors header.</summary>
    public static string Name(this DType type) => s_table[(int)type].Name;

    public static DType? Parse(string? name)
    {
        foreach (var row in s_table)
        {
            if (row.Name == name)
                return row.Type;
        }

        return null;
    }
}
