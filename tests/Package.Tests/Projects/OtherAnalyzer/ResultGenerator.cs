using Microsoft.CodeAnalysis;
using YamlDotNet.Serialization;

namespace OtherAnalyzer;

/// <summary>Reads a piece of YAML and writes what it read, and with which YamlDotNet, into a constant.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ResultGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context) =>
        context.RegisterPostInitializationOutput(output =>
        {
            int[] numbers = new DeserializerBuilder().Build().Deserialize<int[]>("[1, 2, 39]");
            int sum = 0;
            foreach (int number in numbers) sum += number;
            int major = typeof(IDeserializer).Assembly.GetName().Version.Major;
            output.AddSource("Result.g.cs", $$"""
                namespace OtherAnalyzer;
                internal static class Result
                {
                    public const string Text = "{{sum}} by YamlDotNet {{major}}";
                }
                """);
        });
}
