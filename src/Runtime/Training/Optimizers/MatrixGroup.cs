namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>Matrices of one shape, row-major at equal distances in the flat buffers: one parameter of each layer of a repeated block.</summary>
/// <param name="Offset">First element of the first.</param>
/// <param name="Stride">Elements from one to the next.</param>
/// <param name="Count">How many.</param>
/// <param name="Rows">Their first dimension, the layer's outputs.</param>
/// <param name="Columns">Their second dimension, the layer's inputs.</param>
public readonly record struct MatrixGroup(long Offset, long Stride, int Count, long Rows, long Columns);
