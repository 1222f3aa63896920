namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    /// <summary>
    /// The heads of latent attention (DeepSeek-V2, 2024) side by side for <see cref="Attention"/>, whose cache then has whole keys and
    /// values: a query or key is its D columns and its R rotated ones, values are filled up with zeros.
    /// </summary>
    /// <param name="name">Of the layer.</param>
    /// <param name="queries">[.., H·D]</param>
    /// <param name="rotatedQueries">[.., H·R]</param>
    /// <param name="made">[.., 2·H·D]: keys, values.</param>
    /// <param name="rotatedKeys">[.., R]</param>
    /// <param name="heads">H</param>
    public OnnxValue LatentHeads(string name, OnnxValue queries, OnnxValue rotatedQueries, OnnxValue made, OnnxValue rotatedKeys, int heads)
    {
        var (scope, size, rope) = (Inner(name), queries.Width / heads, rotatedKeys.Width);
        string ByHead(string what, string x, int count, int width) => scope.Op("Reshape", what, x, scope.Ints(what + ".shape", 0, 0, count, width));
        string Join(string what, int axis, params ReadOnlySpan<string> parts) => scope.Op("Concat", what, OnnxBuilder.Attribute("axis", axis), parts);

        Split([scope["keys"], scope["values"]], made.Name, [heads * size, heads * size]);
        var rotated = scope.Op("Tile", "k.rotated", ByHead("k.one", rotatedKeys.Name, 1, rope), scope.Ints("k.times", 1, 1, heads, 1));
        var q = Join("q", 3, ByHead("q.content", queries.Name, heads, size), ByHead("q.rotated", rotatedQueries.Name, heads, rope));
        var k = Join("k", 3, ByHead("k.content", scope["keys"], heads, size), rotated);
        var v = scope.Op("Pad", "v", ByHead("v.content", scope["values"], heads, size), scope.Ints("v.pads", 0, 0, 0, 0, 0, 0, 0, rope));
        var width = 3 * heads * (size + rope);
        return Node("Reshape", name, width, Join("heads", 2, q, k, v), scope.Ints("shape", 0, 0, width));
    }

    /// <summary>Of each head the first columns.</summary>
    /// <param name="name">Of the layer.</param>
    /// <param name="x">[.., H·A]</param>
    /// <param name="heads">H</param>
    /// <param name="size">Columns of a head of the result, B.</param>
    public OnnxValue HeadColumns(string name, OnnxValue x, int heads, int size)
    {
        var scope = Inner(name);
        var split = scope.Op("Reshape", "heads", x.Name, scope.Ints("heads.shape", 0, 0, heads, x.Width / heads));
        var first = scope.Op("Slice", "first", split, scope.Ints("start", 0), scope.Ints("end", size), scope.Ints("axis", 3));
        return Node("Reshape", name, heads * size, first, scope.Ints("shape", 0, 0, heads * size));
    }
}
