using ModelCompiler.Runtime.CommandLine;
using Quickstart;

// One model, compiled twice: bf16 is faster where the processor multiplies it, fp32 elsewhere.
return Hardware.HasBf16
    ? ModelProgram.Run<TinyLm>(args)
    : ModelProgram.Run<TinyLmFp32>(args);
