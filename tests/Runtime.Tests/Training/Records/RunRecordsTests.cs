using System.Globalization;
using System.Xml.Linq;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training.Records;

public sealed class RunRecordsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Checksums_are_those_of_the_format()
    {
        Assert.Equal(0xe3069283u, EventFile.Crc32C("123456789"u8)); // the check value of CRC-32C
        for (var length = 0; length < 40; length++)
        {
            var bytes = Enumerable.Range(0, length).Select(i => (byte)(i * 37)).ToArray();
            Assert.Equal(EventReader.MaskedCrc(bytes), EventFile.Masked(EventFile.Crc32C(bytes)));
        }
    }

    [Fact]
    public void TensorBoard_gets_every_number_and_where_a_run_goes_on()
    {
        var metrics = new StepMetrics();
        metrics.Add("loss-scale", 65536);
        metrics.Add(new string('x', 200), 1);
        metrics.Add("absent", double.NaN);
        using (var records = new RunRecords(_folder.Path, new NoObserver()))
        {
            records.Continues(0);
            records.Stepped(new StepReport(1, 300, 512, 5.5, 1.25, 3e-4) { Seconds = 0.5, Metrics = metrics });
            records.Validated(1, new EvaluationResult(5.25, 7.5));
            records.Stepped(new StepReport(300, 300, 512, 4.5, 1, 1e-4) { Seconds = 0.5 });
        }

        using (var records = new RunRecords(_folder.Path, new NoObserver()))
            records.Continues(200);

        var files = Directory.GetFiles(_folder.Path, "events.out.tfevents.*").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(2, files.Length);
        var events = EventReader.Read(files[0]);
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.True(events[1] is { Starts: true, Step: 1 });
        Assert.Equal((1L, 5.5f, 1.25f, 3e-4f, 1024f), (
            events[2].Step, events[2].Scalars["loss/train"], events[2].Scalars["gradient-norm"], events[2].Scalars["learning-rate"], events[2].Scalars["tokens-per-second"]));
        Assert.Equal(65536f, events[2].Scalars["loss-scale"]);
        Assert.Equal(1f, events[2].Scalars[new string('x', 200)]);
        Assert.False(events[2].Scalars.ContainsKey("absent"));
        Assert.Equal((5.25f, 7.5f), (events[3].Scalars["loss/validation"], events[3].Scalars["bits-per-byte/validation"]));
        Assert.Equal(300, events[4].Step);
        Assert.All(events, e => Assert.InRange(e.WallTime, 1.7e9, 1e10));
        Assert.True(EventReader.Read(files[1])[1] is { Starts: true, Step: 201 });
    }

    [Fact]
    public void Metrics_have_each_step_once_whatever_happened()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;
            using (var metrics = new MetricsFile(_folder.Path))
            {
                metrics.Continues(0);
                for (var step = 1; step <= 5; step++)
                    metrics.Stepped(new StepReport(step, 10, 100, step + 0.5, 1, 0.1) { Seconds = 0.5 });
                metrics.Validated(5, new EvaluationResult(2.5, 3.5));
            }

            File.AppendAllText(_folder["metrics.csv"], "6,600,3"); // killed within a row
            using (var metrics = new MetricsFile(_folder.Path))
            {
                metrics.Continues(3);
                var more = new StepMetrics();
                more.Add("samples", 7);
                metrics.Stepped(new StepReport(4, 10, 100, double.NaN, 1, 0.1) { Seconds = 0.25, Metrics = more });
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        Assert.Equal(
            [
                "step,tokens,seconds,tokens-per-second,loss,gradient-norm,learning-rate,validation-loss,validation-bits-per-byte,samples",
                "1,100,0.5,200,1.5,1,0.1,,,",
                "2,200,1,200,2.5,1,0.1,,,",
                "3,300,1.5,200,3.5,1,0.1,,,",
                "4,400,1.75,400,NaN,1,0.1,,,7",
            ],
            File.ReadAllLines(_folder["metrics.csv"]));
    }

    [Fact]
    public void The_report_is_one_page_without_anything_from_elsewhere()
    {
        // As in a run, whose records are still open then: on Windows a reader must share them.
        using var records = new RunRecords(_folder.Path, new NoObserver());
        records.Continues(0);
        var metrics = new StepMetrics();
        metrics.Add("loss-scale", 1024);
        for (var step = 1; step <= 700; step++)
            records.Stepped(new StepReport(step, 700, 100, step == 9 ? double.NaN : 5.0 / step, 1, 0.1) { Seconds = 500, Metrics = metrics });
        records.Validated(700, new EvaluationResult(0.5, 0.7));
        records.Flush();

        var model = BigramModel.Definition with
        {
            Name = "A<B",
            ForwardFlops = 1000,
            RecomputedFlops = 125,
            Memory = new MemoryPlan
            {
                Parameters = 1 << 20, Gradients = 1 << 20, Optimizer = 2 << 20, Activations = 3 << 20, Operations = 4, Backward = 2,
                Parts = [new("blocks.saved", 2 << 20, 1, 3), new("head", 1 << 20, 2, 2)],
            },
        };
        var state = new RunState { SpecHash = "", TokenizerHash = "", Source = "text", SourceTokens = 5, Seed = 1, Steps = 700, Step = 700, SkippedSteps = 1 };
        RunReport.Write(_folder.Path, model, state, "cpu", [("samples pruned", "12 of 99")]);

        var text = File.ReadAllText(_folder["report.html"]);
        Assert.DoesNotContain("http", text);
        Assert.DoesNotContain("<script", text);
        var body = XElement.Parse(text[text.IndexOf("<body>", StringComparison.Ordinal)..text.IndexOf("</html>", StringComparison.Ordinal)]);
        Assert.Equal(
            ["against step", "against tokens", "against seconds", "tokens-per-second", "learning-rate", "gradient-norm", "loss-scale", "activations needed over a step"],
            body.Descendants("figcaption").Select(caption => caption.Value));
        Assert.All(body.Descendants("polyline"), line => Assert.InRange(line.Attribute("points")!.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, 1, 300));
        Assert.DoesNotContain("NaN", body.Descendants("svg").Select(svg => svg.ToString()).Aggregate(string.Concat));
        var rows = body.Descendants("tr").ToLookup(row => row.Element("th")!.Value, row => row.Element("td")!.Value);
        Assert.Equal("12 of 99", Assert.Single(rows["samples pruned"]));
        Assert.Equal("12.5 % of the forward FLOPs", Assert.Single(rows["recomputed by checkpointing"]));
        Assert.Equal("1", Assert.Single(rows["steps without an update, not finite"]));
        Assert.StartsWith("97:13:20, ", Assert.Single(rows["time of the steps"])); // four days and an hour
        Assert.Equal("7.0 MiB", Assert.Single(rows["together"]));
        Assert.Equal("A<B", body.Element("h1")!.Value);
    }
}
