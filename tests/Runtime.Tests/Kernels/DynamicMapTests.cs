using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Tests;

public sealed class DynamicMapTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_has_a_value_for_each_code(bool signed)
    {
        var map = signed ? DynamicMap.Signed : DynamicMap.Unsigned;
        Assert.Equal(256, map.Values.Distinct().Count());
        Assert.Equal(map.Values.Order(), map.Values);
        Assert.Contains(0, map.Values);
        Assert.Equal(1, map.Values[255]);
        // As the paper's figure: the least positive value is 5.5e-7, or 3.25e-7 with an item more a decade.
        Assert.Equal(signed ? 5.5e-7 : 3.25e-7, map.Values.Where(value => value > 0).Min(), 1e-9);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_first_code_or_the_next_is_the_nearest(bool signed)
    {
        var map = signed ? DynamicMap.Signed : DynamicMap.Unsigned;
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var value = (float)Math.Pow(10, -8 * random.NextDouble()) * (signed && i % 2 == 0 ? -1 : 1);
            int code = map.First[BitConverter.SingleToUInt32Bits(value) >> 16];
            code += value > map.Limits[code] ? 1 : 0;
            Assert.Equal(map.Values.Min(v => Math.Abs(v - value)), Math.Abs(map.Values[code] - value));
        }
    }
}
