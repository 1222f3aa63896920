using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class CheckpointPartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly BigramModel _model = BigramModel.Create(CPU, 1);

    private string Path => _folder["run.safetensors"];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Bool)]
    public void Tensors_of_any_type_and_shape_are_restored_in_place(ScalarType type)
    {
        using var tensor = arange(-3, 9).view(3, 2, 2).to(type);
        using var expected = tensor.clone();
        var part = new Part { What = table => table.Tensor("values", tensor) };
        ModelCheckpoint.Save(Path, _model, Start, part);
        tensor.zero_();
        ModelCheckpoint.Load(Path, _model, part);
        Assert.Equal(expected.bytes.ToArray(), tensor.bytes.ToArray());
        Assert.Equal(1, part.Restorations);
    }

    [Fact]
    public void Arrays_and_values_are_restored_bit_identically()
    {
        float[] losses = [0.1f, float.NaN, -0.0f, float.PositiveInfinity, 1e-42f, 3];
        long[] order = [long.MinValue, 7];
        var (scale, count, method) = (1 / 3.0, long.MaxValue, "infobatch");
        var part = new Part
        {
            What = table =>
            {
                table.Array("losses", losses, 2, 3);
                table.Array("order", order);
                table.Value("scale", () => scale, value => scale = value);
                table.Value("count", () => count, value => count = value);
                table.Value("method", () => method, value => method = value);
            },
        };
        ModelCheckpoint.Save(Path, _model, Start, part);
        var expected = ((float[])losses.Clone(), (long[])order.Clone());
        Array.Clear(losses);
        Array.Clear(order);
        (scale, count, method) = (0, 0, "");
        ModelCheckpoint.Load(Path, _model, part);

        Assert.Equal(expected.Item1.Select(BitConverter.SingleToInt32Bits), losses.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(expected.Item2, order);
        Assert.Equal((1 / 3.0, long.MaxValue, "infobatch"), (scale, count, method));
        using var reader = SafetensorsReader.Open(Path);
        Assert.Equal([2, 3], reader["part.losses"].Shape);
    }

    [Fact]
    public void Parameter_buffers_have_a_tensor_for_each_parameter()
    {
        using var buffer = ones(_model.Parameters.Length);
        var part = new Part { What = table => table.Parameters("average", buffer) };
        ModelCheckpoint.Save(Path, _model, Start, part);
        buffer.zero_();
        ModelCheckpoint.Load(Path, _model, part);
        Assert.Equal(_model.Parameters.ParameterCount, buffer.sum().item<float>());
        using var reader = SafetensorsReader.Open(Path);
        Assert.Equal([256, 256], reader["part.average.table.weight"].Shape);
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_changes()
    {
        using var tensor = ones(4);
        var written = new Part { What = table => table.Tensor("values", tensor) };
        ModelCheckpoint.Save(Path, _model, Start, written);
        _model.Parameters.Master.fill_(7);

        AssertRefused("has part.values: F32 [4] where the run has F32 [2, 2]", table => table.Tensor("values", zeros(2, 2)));
        AssertRefused("has part.values: F32 [4] where the run has I64 [4]", table => table.Array("values", new long[4]));
        AssertRefused("has no 'part.more'", table =>
        {
            table.Tensor("values", zeros(4));
            table.Tensor("more", zeros(4));
        });
        AssertRefused("has no 'part.scale'", table =>
        {
            table.Tensor("values", zeros(4));
            table.Value("scale", () => 1.0, _ => Assert.Fail("set"));
        });
        AssertRefused("has 'part.values', which this run has no use for", _ => { });
        ModelCheckpoint.Load(Path, _model); // to generate text, the parameters alone are wanted
        Assert.NotEqual(7, _model.Parameters.Master[0].item<float>());

        void AssertRefused(string message, Action<CheckpointTable> what)
        {
            var part = new Part { What = what };
            var error = Assert.Throws<CheckpointException>(() => ModelCheckpoint.Load(Path, _model, part));
            Assert.Contains(message, error.Message);
            Assert.Contains("start a new run in another --output", error.Message);
            Assert.Equal(7, _model.Parameters.Master[0].item<float>());
            Assert.Equal(0, part.Restorations);
        }
    }

    [Fact]
    public void A_value_that_cannot_be_read_is_refused()
    {
        ModelCheckpoint.Save(Path, _model, Start, new Part { What = table => table.Value("scale", () => "large", _ => { }) });
        var error = Assert.Throws<CheckpointException>(() =>
            ModelCheckpoint.Load(Path, _model, new Part { What = table => table.Value("scale", () => 1.0, _ => { }) }));
        Assert.Contains("has 'large' as 'part.scale', where a Double belongs", error.Message);
    }

    [Fact]
    public void Two_parts_do_not_share_a_name()
    {
        var part = new Part { What = table => table.Value("scale", () => 1.0, _ => { }) };
        Assert.Throws<ArgumentException>(() => ModelCheckpoint.Save(Path, _model, Start, part, part));
        Assert.False(File.Exists(Path));
    }

    private static RunState Start => new()
    {
        SpecHash = BigramModel.Definition.SpecHash,
        TokenizerHash = "",
        Source = "text",
        SourceTokens = 1,
        Seed = 1,
        Steps = 1,
    };

    private sealed class Part : ICheckpointPart
    {
        public required Action<CheckpointTable> What { get; init; }

        public int Restorations { get; private set; }

        public string Name => "part";

        public void Describe(CheckpointTable table) => What(table);

        public void Restored() => Restorations++;
    }
}
