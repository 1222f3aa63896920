using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>Which scales the codes of 16 rows have.</summary>
internal unsafe interface ITileScales
{
    /// <summary>Vectors that stand before a tile's groups, and before the codes of each group.</summary>
    static abstract int OfRow { get; }

    static abstract int OfGroup { get; }

    /// <summary>Writes those of a row.</summary>
    /// <param name="vectors">Of a tile or group.</param>
    /// <param name="row">Of the tile.</param>
    /// <param name="scale">Its scale.</param>
    /// <param name="zero">The code of zero, where it is not the middle.</param>
    static abstract void Set(float* vectors, int row, float scale, int zero);

    /// <summary>Adds a group.</summary>
    /// <param name="sum">Of the groups before.</param>
    /// <param name="product">Of codes.</param>
    /// <param name="scale">Of the input's group.</param>
    /// <param name="input">The sum of the input's group.</param>
    /// <param name="vectors">Of the group.</param>
    static abstract Vector512<float> Add(Vector512<float> sum, Vector512<float> product, float scale, float input, byte* vectors);

    /// <param name="sum">Of all groups.</param>
    /// <param name="vectors">Of the tile.</param>
    static abstract Vector512<float> End(Vector512<float> sum, byte* vectors);
}

/// <summary>One of each row; zero is the middle.</summary>
internal readonly unsafe struct RowScales : ITileScales
{
    public static int OfRow => 1;

    public static int OfGroup => 0;

    public static void Set(float* vectors, int row, float scale, int zero) => vectors[row] = scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> sum, Vector512<float> product, float scale, float input, byte* vectors) =>
        Vector512.FusedMultiplyAdd(product, Vector512.Create(scale), sum) - Vector512.Create(Codes8.Middle * input);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> End(Vector512<float> sum, byte* vectors) => sum * Vector512.LoadAligned((float*)vectors);
}

/// <summary>One of each group; zero is the middle.</summary>
internal readonly unsafe struct GroupScales<T> : ITileScales
    where T : struct, ITileCodes
{
    public static int OfRow => 0;

    public static int OfGroup => 1;

    public static void Set(float* vectors, int row, float scale, int zero) => vectors[row] = scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> sum, Vector512<float> product, float scale, float input, byte* vectors)
    {
        var group = Vector512.FusedMultiplyAdd(product, Vector512.Create(scale), Vector512.Create(-T.Zero * input));
        return Vector512.FusedMultiplyAdd(group, Vector512.LoadAligned((float*)vectors), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> End(Vector512<float> sum, byte* vectors) => sum;
}

/// <summary>One of each group, and the group's zero times that.</summary>
internal readonly unsafe struct GroupZeros : ITileScales
{
    public static int OfRow => 0;

    public static int OfGroup => 2;

    public static void Set(float* vectors, int row, float scale, int zero) => (vectors[row], vectors[PackedTiles.Rows + row]) = (scale, scale * zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> sum, Vector512<float> product, float scale, float input, byte* vectors)
    {
        var all = Vector512.FusedMultiplyAdd(product * Vector512.Create(scale), Vector512.LoadAligned((float*)vectors), sum);
        return all - (Vector512.LoadAligned((float*)(vectors + PackedTiles.Vector)) * Vector512.Create(input));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> End(Vector512<float> sum, byte* vectors) => sum;
}
