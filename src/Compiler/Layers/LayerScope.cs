using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// A list of layers being built into a function: gives every layer its name and its origin. A layer is named by its key;
/// where a function has several of a kind they are numbered: norm1, norm2.
/// </summary>
public sealed class LayerScope
{
    private readonly Dictionary<string, string> _names;
    private readonly Func<LayerSpec, string, string> _origin;
    private string _path;

    private LayerScope(FunctionBuilder function, Dictionary<string, string> names, Func<LayerSpec, string, string> origin, string path)
    {
        Function = function;
        _names = names;
        _origin = origin;
        _path = path;
    }

    public FunctionBuilder Function { get; }

    /// <summary>Builds layers, at this path of the spec, into a function.</summary>
    /// <param name="origin">The spec path to blame for a layer at a path.</param>
    public static string Build(
        FunctionBuilder function, EquatableArray<LayerSpec> layers, string path, Func<LayerSpec, string, string> origin, string x) =>
        new LayerScope(function, Names(layers, path), origin, path).BuildAll(layers, path, x);

    /// <summary>Builds the layers of a branch of the layer being built, by the name of its key.</summary>
    public string BuildBranch(EquatableArray<LayerSpec> layers, string key, string x) => BuildAll(layers, _path + "." + key, x);

    /// <summary>Builds layers of the layer being built into a function of their own.</summary>
    public string BuildFunction(FunctionBuilder function, EquatableArray<LayerSpec> layers, string key, string x) =>
        Build(function, layers, _path + "." + key, _origin, x);

    private string BuildAll(EquatableArray<LayerSpec> layers, string path, string x)
    {
        var (outerPath, outerOrigin) = (_path, Function.Origin);
        for (var i = 0; i < layers.Count; i++)
        {
            _path = $"{path}[{i}]";
            Function.Origin = _origin(layers[i], _path);
            x = LayerTable.Find(layers[i]).Build(this, layers[i], _names[_path], x);
            // A rule may have built branches of its own.
            Function.Origin = outerOrigin;
        }
        _path = outerPath;
        return x;
    }

    private static Dictionary<string, string> Names(EquatableArray<LayerSpec> layers, string path)
    {
        var all = new List<(string Path, string Name)>();
        void Collect(EquatableArray<LayerSpec> list, string at)
        {
            for (var i = 0; i < list.Count; i++)
            {
                var here = $"{at}[{i}]";
                all.Add((here, list[i].Name ?? DefaultName(list[i])));
                switch (list[i])
                {
                    case ResidualLayer residual:
                        Collect(residual.Layers, here + ".layers");
                        break;
                    case TwoBranchLayer branches:
                        Collect(branches.Left, here + ".left");
                        Collect(branches.Right, here + ".right");
                        break;
                }
            }
        }

        Collect(layers, path);
        var names = new Dictionary<string, string>();
        foreach (var group in all.GroupBy(l => l.Name))
        {
            var number = 0;
            foreach (var (at, name) in group) names[at] = group.Count() > 1 ? name + ++number : name;
        }
        return names;
    }

    private static string DefaultName(LayerSpec layer) => layer is RepeatLayer
        ? "blocks"
        : ((LayerAttribute)Attribute.GetCustomAttribute(layer.GetType(), typeof(LayerAttribute))!).Name;
}
