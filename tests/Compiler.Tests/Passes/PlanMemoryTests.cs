using CsCheck;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class PlanMemoryTests
{
    private static Compiler.Graphs.Graph Run(ModelSpec spec) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);

    [Fact]
    public void Buffers_that_live_together_never_overlap() =>
        Gen.Select(Gen.Long[1, 5000], Gen.Int[0, 20], Gen.Int[0, 10]).Array[1, 40].Sample(buffers =>
        {
            var lifetimes = buffers.Select((b, i) => new Lifetime("b" + i, b.Item1, b.Item2, b.Item2 + b.Item3) { OnlyAtEnds = i % 4 == 0 }).ToList();
            var (offsets, bytes) = OffsetAllocator.Place(lifetimes);
            foreach (var a in lifetimes)
            {
                Assert.Equal(0, offsets[a.Name] % OffsetAllocator.Alignment);
                Assert.True(offsets[a.Name] + a.Bytes <= bytes);
                foreach (var b in lifetimes.Where(b => b != a && Enumerable.Range(0, 31).Any(step => IsInUse(a, step) && IsInUse(b, step))))
                    Assert.True(
                        offsets[a.Name] + a.Bytes <= offsets[b.Name] || offsets[b.Name] + b.Bytes <= offsets[a.Name], $"{a} and {b} overlap");
            }
        });

    private static bool IsInUse(Lifetime buffer, int step) =>
        buffer.OnlyAtEnds ? step == buffer.First || step == buffer.Last : buffer.First <= step && step <= buffer.Last;

    [Fact]
    public void What_lives_while_scratch_rests_lies_in_it()
    {
        var (offsets, bytes) = OffsetAllocator.Place([new("scratch", 128, 0, 4) { OnlyAtEnds = true }, new("between", 64, 1, 3), new("at its end", 64, 3, 4)]);
        Assert.Equal((0, 0, 128, 192), (offsets["scratch"], offsets["between"], offsets["at its end"], bytes));
    }

    [Fact]
    public void Buffers_that_live_apart_share_their_bytes()
    {
        var (offsets, bytes) = OffsetAllocator.Place([new("a", 128, 0, 1), new("b", 64, 2, 3), new("c", 64, 0, 3)]);
        Assert.Equal((0, 0, 128, 192), (offsets["a"], offsets["b"], offsets["c"], bytes));
    }

    /// <summary>Model P: B 8, T 256, C 384: an activation [B, T, C] is 3 MiB in fp32.</summary>
    private static readonly ModelSpec P = Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Context = 256, Width = 384, Layers = 6, Heads = 6 },
        Training = new() { Batch = 8 },
    };

    private const long Unit = 8 * 256 * 384 * 4;

    private const long Lse = 8 * 6 * 256 * 4;

    [Fact]
    public void The_bytes_of_a_gpt_are_what_a_hand_count_gives()
    {
        var block = Run(P).Memory!.Blocks.Single();
        // Kept in a layer: qkv 3, attention's output 1, the sum after it 1, the MLP's hidden layer 4, and the log-sum-exp.
        Assert.Equal((9 * Unit) + Lse, block.SlotBytes);
        Assert.Equal(6, block.Slots);
        Assert.Equal(Unit, block.CarryBytes);
    }

    [Fact]
    public void The_bytes_of_a_gpt_whose_blocks_are_all_computed_again_are_what_a_hand_count_gives()
    {
        var plan = Run(P.With(new CheckpointSpec { Layers = CheckpointLayers.All })).Memory!;
        var block = plan.Blocks.Single();
        // Kept in a layer: qkv 3, attention's output 1 and the sum after it 1; scratch: half of 4, twice, and of a norm.
        Assert.Equal(((5 * Unit) + Lse, 1), (block.SlotBytes, block.Slots));
        Assert.Equal((4 * Unit) + (Unit / 2) + (2 * 1024 * 4), block.ScratchBytes);
        // Inputs of five segments, the first in the place of the last, and one gradient, which stays where the output was.
        Assert.Equal(["dy", "d_residual1.sum", "d_x.sum"], block.InPlace);
        Assert.InRange(plan.Bytes, block.SlotBytes + block.ScratchBytes + (6 * Unit), block.SlotBytes + block.ScratchBytes + (6 * Unit) + 1024);
        Assert.True(plan.Bytes * 4 <= Run(P).Memory!.Bytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Checkpointing_keeps_fewer_slots(int every)
    {
        var block = Run(Models.Gpt2.With(new CheckpointSpec { Every = every })).Memory!.Blocks.Single();
        Assert.Equal(every, block.Slots);
    }

    [Fact]
    public void A_plan_is_a_function_of_the_model() =>
        Assert.Equal(GraphText.Print(Run(Models.Llama)) + Run(Models.Llama).Memory, GraphText.Print(Run(Models.Llama)) + Run(Models.Llama).Memory);
}
