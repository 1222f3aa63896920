using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Tests.Data.Sources;

public sealed class MemberNameTests
{
    [Theory]
    [InlineData("T:System.String", "System.String")]
    [InlineData("P:System.String.Length", "System.String.Length")]
    [InlineData("M:System.String.Join(System.String,System.String[])", "System.String.Join(System.String, System.String[])")]
    [InlineData("M:System.Collections.BitArray.#ctor(System.Int32)", "System.Collections.BitArray.BitArray(System.Int32)")]
    [InlineData("M:System.Collections.Generic.List`1.#ctor", "System.Collections.Generic.List<T>.List")]
    [InlineData("M:System.Collections.Generic.List`1.Add(`0)", "System.Collections.Generic.List<T>.Add(T)")]
    [InlineData("T:System.Collections.Generic.Dictionary`2.KeyCollection", "System.Collections.Generic.Dictionary<T1, T2>.KeyCollection")]
    [InlineData("M:System.Array.IndexOf``1(``0[],``0)", "System.Array.IndexOf<T>(T[], T)")]
    [InlineData("M:System.Linq.Enumerable.Zip``2(System.Collections.Generic.IEnumerable{``0},System.Collections.Generic.IEnumerable{``1})",
        "System.Linq.Enumerable.Zip<T1, T2>(System.Collections.Generic.IEnumerable<T1>, System.Collections.Generic.IEnumerable<T2>)")]
    [InlineData("M:System.Int32.TryParse(System.String,System.Int32@)", "System.Int32.TryParse(System.String, System.Int32)")]
    [InlineData("M:System.Decimal.op_Explicit(System.Decimal)~System.Byte", "System.Decimal.op_Explicit(System.Decimal) as System.Byte")]
    [InlineData("M:System.Array.System#Collections#ICollection#CopyTo", "System.Array.System.Collections.ICollection.CopyTo")]
    [InlineData("", "")]
    public void IsRenderedAsOneReadsIt(string id, string expected) => Assert.Equal(expected, MemberName.Render(id));
}
