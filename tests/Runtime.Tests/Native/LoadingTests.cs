using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Native;

public class LoadingTests
{
    [Fact]
    public void LibtorchLoadsOnThisMachine()
    {
        using torch.Tensor sum = torch.ones(2, 3) + 1;
        Assert.Equal(12f, sum.sum().item<float>());
    }
}
