using ModelCompiler.Benchmarks.Generator;
using ModelCompiler.Benchmarks.CpuKernels;
using ModelCompiler.Benchmarks.Gpu;
using ModelCompiler.Benchmarks.Inference;
using ModelCompiler.Benchmarks.Loading;
using ModelCompiler.Benchmarks.Meta;
using ModelCompiler.Benchmarks.Quality;
using ModelCompiler.Benchmarks.Quantization;
using ModelCompiler.Benchmarks.Recurrence;
using ModelCompiler.Benchmarks.Training;

// Each benchmark is a subcommand that prints its figures; docs/benchmarks.md records them.
(string Name, string Summary, Func<string[], int> Run)[] benchmarks =
[
    ("training", "[--quick] a training step of model P, generated against hand-written TorchSharp", TrainingBenchmark.Run),
    ("optimizers", "the update of each optimizer on model P: time and bytes of state", OptimizerBenchmark.Run),
    ("kernels", "[name…] [threads] each CPU kernel of ours against libtorch's, at the shapes of model P", KernelBenchmark.Run),
    ("fusions", "[name…] [threads] each fusion against the kernels that it joins", KernelBenchmark.RunFusions),
    ("allocations", "managed memory that a step of the whole training loop allocates", AllocationBenchmark.Run),
    ("quality", "[--variants a,b@0.7] [--seeds 1,2,3] [--steps 3000] [--runs folder] time and steps to the baseline's final loss", QualityBenchmark.Run),
    ("quantization", "[--quick] [--steps 3000] [--seed 1] | --products: bits per byte and bytes of model Q in each form of quantization; or a product in each form", QuantizationBenchmark.Run),
    ("loading", "a checkpoint of 500 MB into a model, against reading its file once", LoadingBenchmark.Run),
    ("transformer-xl", "[--quick] [--seconds 1200] bits per byte with a memory and without in the same time; its evaluation against a sliding window", RecurrenceBenchmark.Run),
    ("pruning", "[--quick] [--seeds 1] bits per byte of model Q pruned beside dense, and the decoding speed without its heads and neurons", PruningBenchmark.Run),
    ("albert", "[--steps 1000] parameters and masked loss of shared layers beside a plain model of as many parameters", AlbertBenchmark.Run),
    ("distillation", "[--quick | --steps 3000] a student of half of model Q's layers, taught and alone; its step with the teacher and with kept predictions", DistillationBenchmark.Run),
    ("combined", "[--seed 1] [--steps n] [--output folder] model Q in fp32 with AdamW against everything together: training, memory, artifact, decoding, bits per byte", CombinedBenchmark.Run),
    ("inference", "[--quick] prompts and generation of model L in each engine and form, against a loop for ONNX Runtime written by hand", InferenceBenchmark.Run),
    ("steps", "single tokens of small models by ONNX Runtime and by the kernels that take its place", StepBenchmark.Run),
    ("speculation", "[--quick | --steps 3000] [--seed 1] generation by model Q with a draft of a quarter of its layers, against without", SpeculationBenchmark.Run),
    ("meta", "[--quick] [sinusoid [maml] [meta-sgd] [pretrained] | namespaces] [--steps 1000] MAML's sinusoids after 1 and 10 gradient steps; adaptation to unseen namespaces against fine-tuning", MetaBenchmark.Run),
    ("generator", "latency of the source generator, lines of generated code", GeneratorBenchmark.Run),
    ("gpu", "a training step of GPT-2 small on a CUDA device, against TorchSharp and PyTorch", GpuBenchmark.Run),
    ("training-worker", "<side> one side of it, driven by lines on standard input", TrainingWorker.Run),
];

var chosen = benchmarks.FirstOrDefault(benchmark => args.Length > 0 && benchmark.Name == args[0]);
var asks = args.Contains("--help");
if (chosen.Run is not null && !asks)
    return chosen.Run(args[1..]);

Console.Error.WriteLine("usage: dotnet run -c Release --project benchmarks -- <benchmark>");
foreach (var benchmark in benchmarks)
    Console.Error.WriteLine($"  {benchmark.Name,-16} {benchmark.Summary}");
return asks ? 0 : 1;
