namespace ModelCompiler.Runtime.Onnx;

/// <summary>An exported model cannot be written or used; the message names it and the remedy.</summary>
public sealed class OnnxException(string message, Exception? inner = null) : Exception(message, inner);
