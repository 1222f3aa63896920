using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Tests.HuggingFace.Reference;

namespace ModelCompiler.Runtime.Tests.Checkpoints;

/// <summary>Tensors of every type and of sizes that tiles do not divide, read into places that are aligned and into others.</summary>
public sealed unsafe class WideningTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, int, int, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int, int>();
            foreach (var type in (string[])["F32", "BF16", "F16"])
            {
                foreach (var (rows, columns, offset) in ((int, int, int)[])[(64, 48, 0), (80, 33, 0), (1, 7, 0), (50, 1, 0), (161, 70, 0), (64, 48, 3), (96, 16, 8)])
                    cases.Add(type, rows, columns, offset);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_matrix_is_read_and_transposed(string type, int rows, int columns, int offset)
    {
        var checkpoint = new PlainCheckpoint(new JsonObject(), seed: rows + columns);
        checkpoint.Draw("x", 0, 1, rows, columns);
        checkpoint.Save(_folder.Path, type);
        var expected = checkpoint.Tensors["x"].Values;
        using var files = SafetensorsFolder.Open(_folder.Path);
        var buffer = Written(rows * columns, offset, place => Widening.Copy(files.Stream("x"), 0, place, rows * columns));
        Assert.Equal(expected, buffer);

        // Two strips of columns, each to a place of its own.
        var first = columns / 3;
        var turned = Written(rows * columns, offset, place => Widening.Transpose(
            files.Stream("x"), [(first, (nint)place), (columns - first, (nint)(place + (first * rows)))]));
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                Assert.Equal(expected[(row * columns) + column], turned[(column * rows) + row]);
    }

    /// <summary>What is written to a place so many elements behind a line of memory; what lies around it stays.</summary>
    private static float[] Written(int count, int offset, Write write)
    {
        const int Around = 16;
        var memory = (float*)NativeMemory.AlignedAlloc((nuint)(count + offset + (2 * Around)) * sizeof(float), 64);
        try
        {
            var whole = new Span<float>(memory, count + offset + (2 * Around));
            whole.Fill(7);
            write(memory + Around + offset);
            Assert.All(whole[..(Around + offset)].ToArray().Concat(whole[(Around + offset + count)..].ToArray()), value => Assert.Equal(7, value));
            return whole.Slice(Around + offset, count).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private delegate void Write(float* place);

    public void Dispose() => _folder.Dispose();
}
