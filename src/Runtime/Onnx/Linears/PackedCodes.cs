namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>Integers of few bits side by side in bytes, the first in the lowest bits; zero is the middle, 2^(bits − 1).</summary>
internal static class PackedCodes
{
    /// <summary>Bytes of so many integers.</summary>
    public static int Bytes(int count, int bits) => ((count * bits) + 7) / 8;

    /// <summary>An integer of a row, zero being the middle.</summary>
    public static int At(ReadOnlySpan<byte> row, int index, int bits) => (row[index * bits / 8] >> (index * bits % 8)) & ((1 << bits) - 1);

    /// <param name="codes">[rows, columns]</param>
    /// <param name="rows">Rows, each of which begins with a byte of its own.</param>
    /// <param name="columns">Integers of a row.</param>
    /// <param name="width">What a row is filled up to, with zeros.</param>
    /// <param name="bits">Of an integer: 2, 4 or 8.</param>
    public static byte[] Pack(ReadOnlySpan<sbyte> codes, int rows, int columns, int width, int bits)
    {
        var (zero, each, bytes) = (1 << (bits - 1), 8 / bits, Bytes(width, bits));
        var packed = new byte[rows * bytes];
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < bytes * each; column++)
            {
                var code = (column < columns ? codes[(row * columns) + column] : 0) + zero;
                packed[(row * bytes) + (column / each)] |= (byte)(code << (column % each * bits));
            }

        return packed;
    }
}
