using ModelCompiler.Runtime.CommandLine;
using Techniques;

// One small model per technique, each in the file of its name; Plain is what to compare with.
(string Name, string Summary, Func<string[], int> Run)[] models =
[
    ("Plain", "fp32, AdamW, nothing else", ModelProgram.Run<Plain>),
    ("Bf16", "bf16 compute, fp32 master weights", ModelProgram.Run<Bf16>),
    ("Bf16Fp32Head", "bf16 compute, the first block, the head and its norm in fp32", ModelProgram.Run<Bf16Fp32Head>),
    ("Fp16", "fp16 compute under dynamic loss scaling", ModelProgram.Run<Fp16>),
#if CUDA
    ("Fp8", "products of 8-bit floating-point numbers on tensor cores", ModelProgram.Run<Fp8>),
    ("SparseTensorCores", "two of every four weights, which tensor cores skip with --packed", ModelProgram.Run<SparseTensorCores>),
    ("Tf32", "fp32 whose products round their operands on tensor cores", ModelProgram.Run<Tf32>),
#endif
    ("CheckpointAll", "every block is recomputed in the backward pass", ModelProgram.Run<CheckpointAll>),
    ("CheckpointSqrt", "segments of the root of the number of blocks", ModelProgram.Run<CheckpointSqrt>),
    ("CheckpointEvery", "segments of two blocks", ModelProgram.Run<CheckpointEvery>),
    ("CheckpointBoundaries", "segments that start at named blocks", ModelProgram.Run<CheckpointBoundaries>),
    ("CheckpointSave", "only attention's values are kept", ModelProgram.Run<CheckpointSave>),
    ("CheckpointBudget", "the least recomputation that fits a number of bytes", ModelProgram.Run<CheckpointBudget>),
    ("Guarded", "checkpoints every 20 steps, and back to one when the loss is not finite", ModelProgram.Run<Guarded>),
    ("Sgd", "SGD with Nesterov's momentum", ModelProgram.Run<Sgd>),
    ("Lion", "the sign of a momentum", ModelProgram.Run<Lion>),
    ("Muon", "orthogonalized momentum for matrices, AdamW for the rest", ModelProgram.Run<Muon>),
    ("AdamW8Bit", "AdamW with moments of 8 bits", ModelProgram.Run<AdamW8Bit>),
    ("Accumulate", "four micro-batches of 4 a step instead of a batch of 16", ModelProgram.Run<Accumulate>),
    ("Ema", "averaged weights beside the trained ones", ModelProgram.Run<Ema>),
    ("Wsd", "a learning rate that is stable, then cools down", ModelProgram.Run<Wsd>),
    ("EarlyStop", "the run ends when the validation loss no longer falls", ModelProgram.Run<EarlyStop>),
    ("Shared", "all blocks share one set of parameters", ModelProgram.Run<Shared>),
    ("SubsetRandom", "a random half of the samples in each epoch", ModelProgram.Run<SubsetRandom>),
    ("Infobatch", "samples below the mean loss are pruned at random", ModelProgram.Run<Infobatch>),
    ("SelectiveBackprop", "backward passes over the highest losses only", ModelProgram.Run<SelectiveBackprop>),
    ("RhoLoss", "samples that Small has found learnable", ModelProgram.Run<RhoLoss>),
    ("El2n", "the samples with the largest errors early in training", ModelProgram.Run<El2n>),
    ("TokenDropped", "middle blocks see a random part of the tokens", ModelProgram.Run<TokenDropped>),
    ("LengthWarmup", "short sequences first", ModelProgram.Run<LengthWarmup>),
    ("RarityCurriculum", "frequent bytes first", ModelProgram.Run<RarityCurriculum>),
    ("CompressionCurriculum", "compressible text first", ModelProgram.Run<CompressionCurriculum>),
    ("LossCurriculum", "what Small finds easy first", ModelProgram.Run<LossCurriculum>),
    ("MethodCurriculum", "difficulty and pacing by methods of one's own", ModelProgram.Run<MethodCurriculum>),
    ("Maml", "learns to adapt to a namespace by three steps", ModelProgram.Run<Maml>),
    ("Fomaml", "the same without second derivatives", ModelProgram.Run<Fomaml>),
    ("Anil", "the same, adapting the head alone", ModelProgram.Run<Anil>),
    ("Reptile", "towards where steps on a namespace lead", ModelProgram.Run<Reptile>),
    ("MetaSgd", "each parameter learns a rate of its own for the inner steps", ModelProgram.Run<MetaSgd>),
    ("Sinusoids", "a network of numbers that learns to adapt to a sinusoid by one step", ModelProgram.Run<Sinusoids>),
    ("Lora", "low-rank adapters on Plain's weights", ModelProgram.Run<Lora>),
    ("Distilled", "half of Plain's layers, which learn from Plain", ModelProgram.Run<Distilled>),
    ("DistilledLayers", "hidden states and relations of Plain's layers too", ModelProgram.Run<DistilledLayers>),
    ("DistilledCached", "Plain's likeliest tokens, kept on disk", ModelProgram.Run<DistilledCached>),
    ("DistilledOnPolicy", "sequences that the student writes and Plain judges", ModelProgram.Run<DistilledOnPolicy>),
    ("GatedConvolution", "attention and gated convolutions in turns, in the layer language", ModelProgram.Run<GatedConvolution>),
    ("Sized", "width, layers and heads chosen for 800,000 parameters, and limits", ModelProgram.Run<Sized>),
    ("SlidingWindow", "three of four blocks see the last 32 positions only", ModelProgram.Run<SlidingWindow>),
    ("LatentAttention", "a cache of one latent vector for each position", ModelProgram.Run<LatentAttention>),
    ("SoftCapped", "attention scores and logits within bounds", ModelProgram.Run<SoftCapped>),
    ("ParallelBlocks", "attention and feed-forward in parallel", ModelProgram.Run<ParallelBlocks>),
    ("ScaledRope", "rotary frequencies for four times the context of an earlier training", ModelProgram.Run<ScaledRope>),
    ("TransformerXl", "segments with a memory of those before them", ModelProgram.Run<Techniques.TransformerXl>),
    ("OpsetOnly", "exported in operators of the ONNX standard alone, for other runtimes", ModelProgram.Run<OpsetOnly>),
    ("Int4Qat", "training reads weights of 4 bits, as they are exported", ModelProgram.Run<Int4Qat>),
    ("Int4Awq", "weights of 4 bits with zero points, channels scaled by AWQ", ModelProgram.Run<Int4Awq>),
    ("Int8SmoothQuant", "weights and activations of 8 bits, the range of both shared by SmoothQuant", ModelProgram.Run<Int8SmoothQuant>),
    ("Int8Cache", "keys and values of 8 bits in the cache of the exported model", ModelProgram.Run<Int8Cache>),
    ("Int2Hqq", "weights of 2 bits, rounded by HQQ", ModelProgram.Run<Int2Hqq>),
    ("Int4Mixed", "weights of 4 bits, of 8 for prompts, sensitive layers as they are", ModelProgram.Run<Int4Mixed>),
    ("Int4Gptq", "weights of 4 bits in the exported model, rounded by GPTQ", ModelProgram.Run<Int4Gptq>),
    ("Pruned", "half of the blocks' weights removed, more and more of them", ModelProgram.Run<Pruned>),
    ("PrunedWanda", "two of every four weights removed, by the inputs of their layers", ModelProgram.Run<PrunedWanda>),
    ("PrunedHeads", "a quarter of the heads and 40 % of the neurons removed: a smaller model is exported", ModelProgram.Run<PrunedHeads>),
    ("PrunedMovement", "half of the weights removed, those that training moves towards zero", ModelProgram.Run<PrunedMovement>),
    ("PrunedSparseGpt", "half of the weights removed, and the others make up for them", ModelProgram.Run<PrunedSparseGpt>),
    ("PrunedRounds", "weights removed in rounds, each from the weights of an early step", ModelProgram.Run<PrunedRounds>),
    ("PrunedLayers", "a layer and a quarter of the channels removed", ModelProgram.Run<PrunedLayers>),
    ("PrunedHeadsLora", "low-rank adapters on what is left of PrunedHeads, after 'shrink'", ModelProgram.Run<PrunedHeadsLora>),
    ("Speculative", "Small proposes tokens while it generates", ModelProgram.Run<Speculative>),
    ("MixtureOfExperts", "two of eight feed-forward networks for each position", ModelProgram.Run<MixtureOfExperts>),
    ("MaskedLm", "an encoder that fills in hidden bytes", ModelProgram.Run<MaskedLm>),
    ("AlbertLm", "shared blocks, hidden bytes and the order of segments", ModelProgram.Run<AlbertLm>),
    ("AlbertDecoder", "shared blocks and a factorized embedding in a model that writes", ModelProgram.Run<AlbertDecoder>),
    ("MemberKind", "an encoder that classifies texts", ModelProgram.Run<MemberKind>),
    ("Small", "the small model that judges samples for RhoLoss and LossCurriculum", ModelProgram.Run<Small>),
];

switch (args)
{
    case ["list"]:
        foreach (var model in models)
            Console.WriteLine($"{model.Name,-24} {model.Summary}");
        return ModelProgram.Done;
    case ["import", .. var options]:
        return ImportProgram.Run(options);
    case ["adapt", var file]:
        return Adaptation.Run(file);
    case [var command, var name, .. var options] when Find(name) is { } run:
        return run([command, .. options]);
    case [_, var name, ..]:
        Console.Error.WriteLine($"error: There is no model '{name}'. 'list' shows them.");
        return ModelProgram.Failed;
    default:
        Console.Error.WriteLine("usage: list | import <folder> [options] | adapt <file> | <command> <model> [options]: train, generate, chat, evaluate, bench, export, publish and others; 'train <model> --help' shows the options.");
        return ModelProgram.Failed;
}

Func<string[], int>? Find(string name) =>
    models.FirstOrDefault(model => model.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Run;
