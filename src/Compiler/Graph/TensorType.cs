using System.Globalization;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>An element type of the IR.</summary>
public enum DType
{
    F32,
    BF16,
    F16,
    I64,
    U8,
}

public static class DTypes
{
    public static int Bytes(this DType type) => type switch { DType.F32 => 4, DType.BF16 or DType.F16 => 2, DType.I64 => 8, _ => 1 };

    public static string Text(this DType type) => type.ToString().ToLowerInvariant();

    /// <summary>The type of that <see cref="Text"/>.</summary>
    public static DType Parse(string text) => (DType)Enum.Parse(typeof(DType), text, ignoreCase: true);
}

/// <summary>A dimension: a symbol that people read (B, T, 3C) and its value at build time.</summary>
public readonly record struct Dim(string Symbol, long Value)
{
    public override string ToString() => Symbol;

    /// <summary>A dimension that is its own number.</summary>
    public static Dim Of(long value) => new(value.ToString(CultureInfo.InvariantCulture), value);
}

/// <summary>Element type and shape of a value. Two dimensions agree when their values do, whatever their symbols.</summary>
public sealed record TensorType(DType DType, EquatableArray<Dim> Shape)
{
    public static TensorType Of(DType type, params Dim[] shape) => new(type, new EquatableArray<Dim>(shape));

    public long Elements => Shape.Aggregate(1L, (product, dim) => product * dim.Value);

    public long Bytes => Elements * DType.Bytes();

    public Dim Last => Shape[Shape.Count - 1];

    /// <summary>Number of rows when all dimensions but the last are flattened.</summary>
    public long Rows => Shape.Count == 0 ? 1 : Elements / Math.Max(1, Last.Value);

    public bool SameShape(TensorType other) =>
        Shape.Count == other.Shape.Count && Shape.Select(d => d.Value).SequenceEqual(other.Shape.Select(d => d.Value));

    public TensorType With(DType type) => this with { DType = type };

    public TensorType WithLast(Dim last) => this with { Shape = Shape.Take(Shape.Count - 1).Append(last).ToEquatableArray() };

    public override string ToString() => DType.Text() + "[" + string.Join(", ", Shape) + "]";
}
