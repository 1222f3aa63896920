using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

/// <summary>Steps of an optimizer over random gradients, beside a plain reference in double precision.</summary>
internal static class OptimizerCheck
{
    public const double Rate = 3e-3;

    /// <summary>Updates one parameter in place from its gradient, already clipped.</summary>
    /// <param name="parameter">The parameter's place in the layout.</param>
    /// <param name="values">Its elements.</param>
    /// <param name="gradient">As many.</param>
    /// <param name="step">Number of the step, from 1.</param>
    public delegate void Rule(int parameter, double[] values, double[] gradient, int step);

    public static void AgreesWith(
        ParameterInfo[] layout, Func<ParameterStore, Optimizer> create, Rule rule, double clip, double tolerance, int steps = 6, Device? device = null)
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(device ?? CPU, layout, ScalarType.BFloat16);
        store.Initialize(1);
        using var optimizer = create(store);
        var expected = store.Parameters().Select(pair => Values(pair.Value)).ToArray();
        var first = expected.Select(values => tensor(values)).ToArray();
        for (var step = 1; step <= steps; step++)
        {
            FillGradients(store, step);
            var gradients = layout.Select(info => Values(store.GradientView(info.Offset, info.Shape))).ToArray();
            var norm = Math.Sqrt(gradients.Sum(gradient => gradient.Sum(g => g * g)));
            Assert.Equal(norm, optimizer.Step(step, Rate), norm * 1e-5);
            var scale = clip > 0 && norm > clip ? clip / norm : 1;
            for (var i = 0; i < layout.Length; i++)
                rule(i, expected[i], [.. gradients[i].Select(g => g * scale)], step);
        }

        for (var i = 0; i < layout.Length; i++) // what the steps have changed, not what has been there before
            Oracle.Close(tensor(expected[i]) - first[i], tensor(Values(store.Parameters()[i].Value)) - first[i], layout[i].Name, tolerance);
        Oracle.Same(store.Master.to(ScalarType.BFloat16).cpu(), store.Weight(0, store.Length).cpu());
    }

    /// <summary>A run whose optimizer is made anew halfway and given the state of the first goes on bit-identically.</summary>
    public static void ContinuesFromItsState(ParameterInfo[] layout, Func<ParameterStore, Optimizer> create)
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(CPU, layout, ScalarType.Float32);
        using var other = new ParameterStore(CPU, layout, ScalarType.Float32);
        store.Initialize(1);
        using var optimizer = create(store);
        for (var step = 1; step <= 3; step++) Step(store, optimizer, step);

        using var resumed = create(other);
        other.Master.copy_(store.Master);
        Assert.NotEmpty(optimizer.State);
        Assert.Equal(optimizer.State.Keys, resumed.State.Keys);
        foreach (var (name, values) in resumed.State) values.copy_(optimizer.State[name]);
        for (var step = 4; step <= 6; step++)
        {
            Step(store, optimizer, step);
            Step(other, resumed, step);
        }

        Oracle.Same(store.Master, other.Master);
        foreach (var (name, values) in resumed.State) Oracle.Same(values, optimizer.State[name]);
    }

    /// <summary>Managed bytes of a step after the first ones.</summary>
    public static long BytesOfAStep(ParameterInfo[] layout, Func<ParameterStore, Optimizer> create)
    {
        using var store = new ParameterStore(CPU, layout, ScalarType.BFloat16);
        store.Initialize(1);
        using var optimizer = create(store);
        for (var step = 1; step <= 3; step++) Step(store, optimizer, step);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 4; step < 14; step++) optimizer.Step(step, Rate);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / 10;
    }

    private static void Step(ParameterStore store, Optimizer optimizer, int step)
    {
        FillGradients(store, step);
        optimizer.Step(step, Rate);
    }

    private static void FillGradients(ParameterStore store, int step)
    {
        foreach (var info in store.Layout)
            store.GradientView(info.Offset, info.Shape).copy_(Oracle.Normal((step * 10) + (int)info.Offset, ScalarType.Float32, info.Shape));
    }

    private static double[] Values(Tensor tensor) => tensor.cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray();
}
