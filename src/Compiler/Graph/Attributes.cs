using System.Globalization;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>The constants of a node: long, double, bool or string by name, in the order of their names.</summary>
public sealed record Attributes(EquatableArray<KeyValuePair<string, object>> Items)
{
    public static readonly Attributes None = new(EquatableArray<KeyValuePair<string, object>>.Empty);

    public static Attributes Of(params (string Name, object Value)[] items) =>
        new(items.Select(i => new KeyValuePair<string, object>(i.Name, i.Value is int n ? (long)n : i.Value))
            .OrderBy(i => i.Key, StringComparer.Ordinal).ToEquatableArray());

    public bool Has(string name) => Items.Any(i => i.Key == name);

    public long Long(string name) => (long)Get(name);

    public int Int(string name) => checked((int)Long(name));

    public double Double(string name) => (double)Get(name);

    public bool Bool(string name) => (bool)Get(name);

    public string String(string name) => (string)Get(name);

    public Attributes With(string name, object value) =>
        Of(Items.Where(i => i.Key != name).Select(i => (i.Key, i.Value)).Append((name, value)).ToArray());

    public Attributes With(Attributes others) => others.Items.Aggregate(this, (all, item) => all.With(item.Key, item.Value));

    private object Get(string name)
    {
        foreach (var item in Items)
            if (item.Key == name) return item.Value;
        throw new GraphException($"attribute '{name}' is missing");
    }

    public override string ToString() => Items.Count == 0
        ? ""
        : " {" + string.Join(", ", Items.Select(i => i.Key + " = " + Format(i.Value))) + "}";

    private static string Format(object value) => value switch
    {
        // Doubles keep a point, so that the text reads back as a double.
        double d when d == Math.Floor(d) && Math.Abs(d) < 1e15 => d.ToString("0.0", CultureInfo.InvariantCulture),
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        bool b => b ? "true" : "false",
        string s => "\"" + s + "\"",
        _ => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
    };
}

/// <summary>A graph that breaks its own rules: a mistake of the compiler, never of the user.</summary>
public sealed class GraphException(string message) : Exception(message);
