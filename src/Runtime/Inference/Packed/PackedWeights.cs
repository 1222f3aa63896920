using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Training;
using LinearLayer = ModelCompiler.Runtime.Onnx.LinearLayer;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>
/// The weights of a model's linear layers in forms that libtorch multiplies with faster: in 8 or 4 bits, rounded as an export rounds them, to the
/// same integers; or, of the pattern 2:4, for sparse tensor cores. They are those that the model has when they are made.
/// </summary>
public sealed class PackedWeights : IDisposable
{
    private readonly Dictionary<string, LinearWeight> _layers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _kept = new(StringComparer.Ordinal);

    private PackedWeights()
    {
    }

    /// <summary>Names of the layers that are packed.</summary>
    public IReadOnlyCollection<string> Layers => _layers.Keys;

    /// <summary>Layers that should be and stay as they are, by name, and why.</summary>
    public IReadOnlyDictionary<string, string> Kept => _kept;

    /// <summary>What programs read besides: scaled by what has scaled the packed weights (AWQ, SmoothQuant); null for the model's own.</summary>
    public ParameterStore? Parameters { get; private set; }

    /// <param name="model">Its parameters stay as they are.</param>
    /// <param name="quantization">How weights are rounded; <c>activations</c>, <c>prefill</c>, <c>embeddings</c> and <c>kv-cache</c> are of exports alone.</param>
    /// <param name="calibration">Windows of training text, for methods that observe the layers' inputs.</param>
    /// <exception cref="OnnxException">A method has no text to observe.</exception>
    /// <exception cref="NotSupportedException">The model has no ONNX form, from which the layers are read.</exception>
    public static PackedWeights Of(ICompiledModel model, QuantizationSpec quantization, IReadOnlyList<int[]> calibration)
    {
        using var gradientless = no_grad();
        var packed = new PackedWeights();
        try
        {
            using var parameters = Quantizer.Scales(quantization) ? model.Parameters.Snapshot() : model.Parameters.Masters();
            using var observed = Quantizer.NeedsText(quantization) ? Calibration.Observe(model, parameters, calibration, ExportWatch.None) : null;
            var quantizer = Quantizer.Of(quantization, observed, ExportWatch.None);
            if (Quantizer.Scales(quantization))
            {
                packed.Parameters = new ParameterStore(model.Device, model.Parameters.Layout, model.Parameters.Copy?.dtype ?? ScalarType.Float32);
                packed.Parameters.CopyFrom(parameters);
            }

            if (observed is not null)
            {
                packed.Add(observed.Graph.LinearLayers, quantizer, model.Device);
                return packed;
            }

            var layers = OnnxExport.Layers(model, parameters);
            packed.Add(layers, quantizer, model.Device);
            foreach (var layer in layers) layer.Weight.Dispose();
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>The weights whose zeros have the pattern 2:4, for sparse tensor cores; nothing is rounded.</summary>
    /// <param name="model">Its parameters stay as they are.</param>
    /// <exception cref="NotSupportedException">The model has no ONNX form, from which the layers are read.</exception>
    public static PackedWeights OfPattern(ICompiledModel model)
    {
        using var gradientless = no_grad();
        using var parameters = model.Parameters.Masters();
        var (packed, type) = (new PackedWeights(), model.Parameters.Copy?.dtype ?? ScalarType.Float32);
        try
        {
            var forms = new Dictionary<nint, (LinearWeight? Form, string? Obstacle)>();
            foreach (var layer in OnnxExport.Layers(model, parameters))
            {
                using var master = layer.Weight;
                if (!forms.TryGetValue(layer.Source, out var made))
                {
                    using var scope = NewDisposeScope();
                    made = (SparseWeight.Of(master.to(model.Device).to(type).contiguous(), out var obstacle), obstacle);
                    forms.Add(layer.Source, made);
                }

                if (made.Form is { } form) packed._layers.Add(layer.Name, form);
                else packed._kept.Add(layer.Name, made.Obstacle!);
            }

            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>The form of a layer's weight.</summary>
    /// <param name="packed">null where none is packed.</param>
    /// <param name="layer">Its name.</param>
    /// <param name="weight">[M, K], for a layer that is not packed; its store owns it.</param>
    public static LinearWeight Form(PackedWeights? packed, string layer, Tensor weight) =>
        packed?._layers.GetValueOrDefault(layer) ?? LinearWeight.Plain(weight);

    public void Dispose()
    {
        foreach (var weight in _layers.Values.Distinct()) weight.Dispose();
        _layers.Clear();
        Parameters?.Dispose();
    }

    private void Add(IEnumerable<LinearLayer> layers, Quantizer quantizer, Device device)
    {
        // Layers that share a weight share its form.
        var forms = new Dictionary<(nint, WeightType), LinearWeight>();
        foreach (var layer in layers)
        {
            var (rows, columns) = ((int)layer.Weight.size(0), (int)layer.Weight.size(1));
            if (quantizer.Plan.WeightsOf(layer.Name) is not { } weights || quantizer.Plan.GridOf(layer.Name, columns) is not { } grid) continue;
            if (Obstacle(weights, grid, rows, columns, device) is { } obstacle)
            {
                _kept.Add(layer.Name, obstacle);
                continue;
            }

            if (!forms.TryGetValue((layer.Source, weights), out var form))
            {
                var rounded = quantizer.Rounding.Round(layer.Name, layer.Weight, grid);
                form = weights == WeightType.Int8 ? new Int8Weight(rounded, rows, columns, device) : new Int4Weight(rounded, grid.Group, rows, columns, device);
                forms.Add((layer.Source, weights), form);
            }

            _layers.Add(layer.Name, form);
        }
    }

    private static string? Obstacle(WeightType weights, RoundingGrid grid, int rows, int columns, Device device) => weights switch
    {
        WeightType.Int8 => Int8Weight.Obstacle(columns),
        WeightType.Int4 => Int4Weight.Obstacle(grid.Group, rows, columns, device),
        _ => "libtorch has no products with int2 weights",
    };
}
