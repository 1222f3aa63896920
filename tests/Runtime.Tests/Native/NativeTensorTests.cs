using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Native;

public sealed class NativeTensorTests
{
    [Fact]
    public void A_view_of_a_view_counts_from_where_that_one_starts()
    {
        using var buffer = arange(100, ScalarType.Float32);
        using var matrix = buffer.narrow(0, 40, 6).view(2, 3);
        using var identity = eye(2);
        using var product = zeros(3, 2);
        using var transposed = NativeTensor.Transpose(matrix);
        MatrixProducts.Mm(product.Handle, transposed.Handle, identity.Handle, cuda: false);
        Assert.Equal([40, 43, 41, 44, 42, 45], product.data<float>().ToArray());
    }
}
