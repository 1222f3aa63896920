using System.Globalization;

namespace ModelCompiler.ModelDsl;

/// <summary>A number of bytes, written with a binary unit: 512MiB.</summary>
public readonly record struct ByteSize(long Bytes)
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>Null for what is no size: a number, whole or decimal, directly followed by B, KiB, MiB, GiB or TiB.</summary>
    public static ByteSize? Parse(string text)
    {
        var digits = text.TakeWhile(c => c is (>= '0' and <= '9') or '.').Count();
        var unit = Array.IndexOf(s_units, text.Substring(digits).TrimStart());
        if (unit < 0 || !double.TryParse(text.Substring(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return null;
        var bytes = number * Math.Pow(1024, unit);
        return bytes < 1 || bytes > 1L << 60 ? null : new ByteSize((long)bytes);
    }

    /// <summary>With one decimal, in the unit that gives the shortest number.</summary>
    public override string ToString()
    {
        var unit = 0;
        double number = Bytes;
        for (; number >= 1024 && unit < s_units.Length - 1; unit++) number /= 1024;
        return number.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + s_units[unit];
    }
}
