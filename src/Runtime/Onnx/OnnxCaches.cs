using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>What a program remembers of its sequences: keys and values of each attention, and states of convolutions.</summary>
internal sealed class OnnxCaches : IDisposable
{
    private const string Past = "past_key_values.";

    private readonly List<(string Input, OnnxCache Cache)> _caches = [];

    public OnnxCaches(InferenceSession session, string device, int batch)
    {
        // States are small, and cleared here where a text begins.
        foreach (var input in session.InputNames.Where(name => name.StartsWith(Past, StringComparison.Ordinal) || IsState(name)))
            _caches.Add((input, new OnnxCache(session, IsState(input) ? "cpu" : device, input, batch)));
        HasStates = _caches.Any(cache => IsState(cache.Input));
    }

    public bool HasStates { get; }

    /// <summary>The output that takes the place of an input.</summary>
    public static string Present(string past) => IsState(past)
        ? past.Replace(OnnxGraph.PastStates, OnnxGraph.PresentStates, StringComparison.Ordinal)
        : past.Replace(Past, "present.", StringComparison.Ordinal);

    /// <summary>Binds what is known of some sequences as past and present: it is updated in place.</summary>
    public void Bind(OrtIoBinding binding, int first, int count)
    {
        foreach (var (input, cache) in _caches)
        {
            using var view = cache.View(first, count);
            binding.BindInput(input, view);
            binding.BindOutput(Present(input), view);
        }
    }

    /// <summary>The keys and values of the first sequence, each with its input's name and its head size D, [Hkv, positions, D]; only in fp32 and on the CPU.</summary>
    public IEnumerable<(string Input, int Width, float[] Values)> Values() =>
        _caches.Where(cache => !IsState(cache.Input)).Select(cache => (cache.Input, cache.Cache.Width, cache.Cache.First().ToArray()));

    /// <summary>That of an input of the graph.</summary>
    public OnnxCache Find(string input) => _caches.First(cache => cache.Input == input).Cache;

    public void ClearStates(int sequence)
    {
        foreach (var (input, cache) in _caches)
            if (IsState(input)) cache.Clear(sequence);
    }

    public void Dispose()
    {
        foreach (var (_, cache) in _caches) cache.Dispose();
    }

    private static bool IsState(string input) => input.StartsWith(OnnxGraph.PastStates, StringComparison.Ordinal);
}
