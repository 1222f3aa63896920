using ModelCompiler.Runtime.Training.Optimizers;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Matrices of one shape whose weights are removed: one of each layer of a repeated block, or of some layers in a row.</summary>
/// <param name="Matrices">Where they lie in the flat buffers: rows are the layer's outputs, columns its inputs.</param>
/// <param name="Site">The product that reads them, by the number with which its inputs are observed; −1 where they are not.</param>
/// <param name="First">The set of parameters that the first is of.</param>
public readonly record struct PrunedMatrix(MatrixGroup Matrices, int Site = -1, int First = 0);
