using System.Globalization;

namespace ModelCompiler.ModelDsl;

/// <summary>A large number, written with a decimal suffix: 20M, 1.5B, 2G; or plain, or with an exponent: 1e18.</summary>
public readonly record struct Count(double Value)
{
    private const string Suffixes = "KMGT";

    /// <summary>Null for what is no such number: one from 1 to 1e30, directly followed by K, M, B or G (both 10⁹), T, or nothing.</summary>
    public static Count? Parse(string text)
    {
        var last = text.Length == 0 ? ' ' : text[text.Length - 1] is 'B' ? 'G' : text[text.Length - 1];
        var power = Suffixes.IndexOf(last) + 1;
        var digits = power > 0 ? text.Substring(0, text.Length - 1) : text;
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number))
            return null;
        var value = number * Math.Pow(1000, power);
        return value is >= 1 and <= 1e30 ? new Count(value) : null;
    }

    /// <summary>In the suffix that gives the shortest number, with up to two decimals; from 10¹⁵ on with an exponent.</summary>
    public override string ToString()
    {
        if (Value >= 1e15) return Value.ToString("0.##e0", CultureInfo.InvariantCulture);
        var power = 0;
        var number = Value;
        for (; number >= 1000 && power < Suffixes.Length; power++) number /= 1000;
        return number.ToString("0.##", CultureInfo.InvariantCulture) + (power == 0 ? "" : Suffixes[power - 1].ToString());
    }
}
