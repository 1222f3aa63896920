namespace ModelCompiler.Runtime.Native;

/// <summary>A libtorch operator failed. The message names it with its arguments; libtorch writes its own reason to stderr.</summary>
public sealed class NativeException(string message) : InvalidOperationException(message);
