using System.Globalization;
using System.Reflection;

namespace ModelCompiler.ModelDsl;

/// <summary>Numbers of records that were not read from a declaration, whose reader has compared them with their keys' bounds.</summary>
public static class SpecRange
{
    /// <summary>The first number out of its key's bounds, as <c>heads: 0, where 1 to 1024 belongs</c>; null if there is none.</summary>
    public static string? FirstOutside(object record)
    {
        foreach (var property in record.GetType().GetProperties())
        {
            if (property.GetCustomAttribute<KeyAttribute>() is not { } key || property.GetValue(record) is not { } value)
                continue;
            if (value is not (int or double))
            {
                if (value is not (string or Enum) && FirstOutside(value) is { } inner)
                    return key.Name + "." + inner;
                continue;
            }

            var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
            if (!(number >= key.Min && number <= key.Max))
                return string.Format(CultureInfo.InvariantCulture, "{0}: {1}, where {2} to {3} belongs", key.Name, value, key.Min, key.Max);
        }

        return null;
    }
}
