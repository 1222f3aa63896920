using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// All parameters of a model in flat buffers of one layout: fp32 masters, their gradients, and a copy in the compute type where
/// that is not fp32, or where products read rounded weights. The matrices, which decay, come first; then the vectors.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    private readonly List<Tensor> _views = [];
    private readonly Tensor _compute;
    private readonly FakeQuantization? _rounding;
    private bool _quantized = true;
    private Tensor? _gradients;
    private (string Name, Tensor Value)[]? _parameters;

    /// <summary>Reserves the master buffer, zeroed.</summary>
    /// <param name="device">Where the buffers lie.</param>
    /// <param name="layout">The layout table, made by the compiler.</param>
    /// <param name="compute">Element type of what <see cref="Weight"/> gives: views of the masters in fp32, else of a copy.</param>
    /// <param name="training">What the copy is rounded to under quantization-aware training; null for as it is.</param>
    /// <exception cref="ArgumentException">Parameters overlap, share a name, or a vector lies before a matrix.</exception>
    public ParameterStore(Device device, IReadOnlyList<ParameterInfo> layout, ScalarType compute, QuantizationSpec? training = null)
    {
        Layout = layout;
        Check(layout);
        Length = layout.Count == 0 ? 0 : layout.Max(info => info.Offset + info.Length);
        MatrixLength = layout.Where(info => info.Decay).Select(info => info.Offset + info.Length).DefaultIfEmpty(0).Max();
        ParameterCount = layout.Sum(info => info.Length);
        Master = NewBuffer(device);
        _rounding = training is null ? null : new FakeQuantization(layout, training);
        _compute = compute == ScalarType.Float32 && _rounding is null ? Master : zeros([Length], compute, device).DetachFromDisposeScope();
    }

    /// <summary>A store of masters alone, of another store's layout.</summary>
    private ParameterStore(ParameterStore store, Tensor masters)
    {
        (Layout, Length, MatrixLength, ParameterCount) = (store.Layout, store.Length, store.MatrixLength, store.ParameterCount);
        Master = _compute = masters.DetachFromDisposeScope();
    }

    /// <summary>
    /// The same parameters on the CPU, of which <see cref="Weight"/> gives the fp32 masters; rounded ones in fp32 where products read these.
    /// Disposing it leaves the parameters as they are, and so must its user.
    /// </summary>
    public ParameterStore Masters() => _rounding is null && Master.device_type == DeviceType.CPU ? new(this, Master.alias()) : Snapshot();

    /// <summary>A copy of <see cref="Masters"/>, for changes.</summary>
    public ParameterStore Snapshot()
    {
        using var gradientless = no_grad();
        var masters = Master.clone();
        _rounding?.Round(Master, masters); // where the masters lie
        if (masters.device_type == DeviceType.CPU) return new(this, masters);
        using (masters) return new(this, masters.cpu());
    }

    /// <summary>The layout table.</summary>
    public IReadOnlyList<ParameterInfo> Layout { get; }

    /// <summary>Number of parameters.</summary>
    public long ParameterCount { get; }

    /// <summary>Elements of each flat buffer: the parameters and what aligns them.</summary>
    public long Length { get; }

    /// <summary>Elements at the start of each flat buffer that hold the matrices.</summary>
    public long MatrixLength { get; }

    /// <summary>fp32 [Length]</summary>
    public Tensor Master { get; }

    /// <summary>
    /// Whether products read rounded weights, as the exported model will: without quantization-aware training it changes nothing. A run sets
    /// it off for its first steps.
    /// </summary>
    public bool Quantized
    {
        get => _quantized;
        set
        {
            if (_quantized == value) return;
            _quantized = value;
            if (_rounding is not null) CastCompute();
        }
    }

    /// <summary>The weights in the compute type, [Length]; null where that is fp32.</summary>
    internal Tensor? Copy => _compute.dtype == Master.dtype ? null : _compute;

    /// <summary>fp32 [Length], allocated on first use.</summary>
    public Tensor Gradients => _gradients ??= NewBuffer(Master.device);

    /// <summary>The parameters in the layout's order, as views of the masters; call <see cref="CastCompute"/> after writing.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Parameters() =>
        _parameters ??= [.. Layout.Select(info => (info.Name, View(Master, info.Offset, info.Shape)))];

    /// <summary>A view in the compute type. The store owns it.</summary>
    /// <param name="offset">Its first element in the flat buffer.</param>
    /// <param name="shape">Its dimensions; it may span several parameters that lie side by side.</param>
    public Tensor Weight(long offset, params ReadOnlySpan<long> shape) => View(_compute, offset, shape);

    /// <summary>A view of the fp32 masters. The store owns it.</summary>
    /// <param name="offset">Its first element in the flat buffer.</param>
    /// <param name="shape">Its dimensions.</param>
    public Tensor MasterView(long offset, params ReadOnlySpan<long> shape) => View(Master, offset, shape);

    /// <summary>A view of the fp32 gradients. The store owns it.</summary>
    /// <param name="offset">Its first element in the flat buffer.</param>
    /// <param name="shape">Its dimensions.</param>
    public Tensor GradientView(long offset, params ReadOnlySpan<long> shape) => View(Gradients, offset, shape);

    /// <summary>Draws the first values. Each depends only on the seed, the parameter's name and its place in it, not on the device.</summary>
    /// <param name="seed">Any number.</param>
    public unsafe void Initialize(int seed)
    {
        // Filled where they lie: a managed array of all parameters would stay in the process's memory.
        var host = Master.device_type == DeviceType.CPU ? Master : zeros([Length]);
        var first = (nint)Cpu.Floats(host);
        Parallel.ForEach(Layout, info =>
        {
            var values = (float*)first + info.Offset;
            InitialValues.Fill(new Span<float>(values, checked((int)info.Length)), info, seed);
        });
        if (!ReferenceEquals(host, Master))
        {
            Master.copy_(host);
            host.Dispose();
        }

        CastCompute();
    }

    /// <summary>Takes over the values of another store of the same layout.</summary>
    /// <exception cref="ArgumentException">The layouts differ in length.</exception>
    public void CopyFrom(ParameterStore other)
    {
        if (other.Length != Length) throw new ArgumentException($"{other.Length} parameters do not fit {Length}.", nameof(other));
        Master.copy_(other.Master);
        CastCompute();
    }

    /// <summary>Brings the copy in the compute type up to date with the masters.</summary>
    public void CastCompute()
    {
        if (Copy is not null) Kernels.Cast(Master, _compute);
        Round();
    }

    /// <summary>Brings a rounded copy up to date, of which a cast one has been made where it is of another type than the masters.</summary>
    internal void Round()
    {
        if (_rounding is null) return;
        if (Copy is null) Kernels.Cast(Master, _compute);
        if (_quantized) _rounding.Round(Master, _compute);
    }

    public void Dispose()
    {
        foreach (var view in _views) view.Dispose();
        _views.Clear();
        if (!ReferenceEquals(_compute, Master)) _compute.Dispose();
        Master.Dispose();
        _gradients?.Dispose();
    }

    private static void Check(IReadOnlyList<ParameterInfo> layout)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var end = 0L;
        var vector = "";
        foreach (var info in layout.OrderBy(info => info.Offset))
        {
            if (!names.Add(info.Name)) throw new ArgumentException($"Two parameters are named '{info.Name}'.", nameof(layout));
            if (info.Offset < end || info.Length <= 0)
                throw new ArgumentException($"Parameter '{info.Name}' at {info.Offset} is empty or overlaps the one that ends at {end}.", nameof(layout));
            if (info.Decay && vector.Length > 0)
                throw new ArgumentException($"Parameter '{info.Name}' decays but lies after '{vector}', which does not.", nameof(layout));
            if (!info.Decay) vector = info.Name;
            end = info.Offset + info.Length;
        }
    }

    private Tensor NewBuffer(Device device) => zeros([Length], ScalarType.Float32, device).DetachFromDisposeScope();

    private Tensor View(Tensor buffer, long offset, ReadOnlySpan<long> shape)
    {
        var length = 1L;
        foreach (var dimension in shape) length = checked(length * dimension);
        if (offset < 0 || length < 0 || offset + length > Length)
        {
            throw new ArgumentException(
                $"A view [{string.Join(", ", shape.ToArray())}] at {offset} ends outside the {Length} elements of the parameters.");
        }

        using var flat = buffer.narrow(0, offset, length);
        var view = flat.view(shape.ToArray()).DetachFromDisposeScope();
        _views.Add(view);
        return view;
    }
}
