using System.Security.Cryptography;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Training;

/// <summary>Finds a teacher's weights.</summary>
internal static class TeacherCheckpoint
{
    /// <summary>Reads them from a checkpoint, or from the folder of a run or an import.</summary>
    /// <param name="student">Whom it teaches.</param>
    /// <param name="teacher">Its parameters are written.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="tokenizer">What the student reads.</param>
    /// <param name="report">Is told of each checkpoint that is refused.</param>
    /// <exception cref="DataException">There is none, or it was trained on other tokens.</exception>
    public static void Load(string student, ICompiledModel teacher, string path, ITextTokenizer tokenizer, Action<string> report)
    {
        var name = teacher.Description.Name;
        string hash;
        try
        {
            hash = File.Exists(path) ? ModelCheckpoint.Load(path, teacher).TokenizerHash : TrainedModel.Load(teacher, path, report).Tokenizer.Hash;
        }
        catch (CheckpointException e)
        {
            throw new DataException($"{student} learns from {name}, whose weights are looked for in '{path}': {e.Message} Or name them in the declaration: training.distillation.checkpoint.");
        }

        if (hash != tokenizer.Hash)
            throw new DataException($"{name} in '{path}' was trained with another tokenizer than {student} reads. Train it with the same tokenizer, on the same text.");
    }

    /// <summary>SHA-256 of the parameters, in hexadecimal: the same for the same weights, wherever they came from.</summary>
    public static unsafe string Digest(ParameterStore parameters)
    {
        using var host = parameters.Master.cpu();
        using var stream = new UnmanagedMemoryStream((byte*)Cpu.Pointer(host), parameters.Length * sizeof(float));
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
