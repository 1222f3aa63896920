using System.Globalization;

namespace ModelCompiler.Runtime.Training;

/// <summary>Starts a student as chosen layers of its teacher and what stands around them (Sanh et al. 2019).</summary>
/// <param name="Block">The repeated block of the student.</param>
/// <param name="TeacherBlock">That of the teacher.</param>
public sealed record LayerCopies(string Block, string TeacherBlock)
{
    /// <summary>Copies every parameter that the teacher has under the same name; the build has compared their shapes.</summary>
    /// <param name="student">Its parameters are written, adapters' frozen ones too.</param>
    /// <param name="teacher">With its trained parameters.</param>
    /// <param name="layers">For each layer of the student, that of the teacher.</param>
    /// <returns>How many were copied.</returns>
    internal int Run(ICompiledModel student, ICompiledModel teacher, IReadOnlyList<int> layers)
    {
        var (known, copied) = (teacher.Parameters.Parameters().ToDictionary(p => p.Name, p => p.Value), 0);
        foreach (var store in new[] { student.Parameters, student.Frozen }.OfType<ParameterStore>())
        {
            foreach (var (name, into) in store.Parameters())
            {
                if (!known.TryGetValue(NameOf(name, layers), out var value)) continue;
                into.copy_(value);
                copied++;
            }

            store.CastCompute();
        }

        return copied;
    }

    private string NameOf(string name, IReadOnlyList<int> layers)
    {
        if (!name.StartsWith(Block + ".", StringComparison.Ordinal)) return name;
        var rest = name[(Block.Length + 1)..];
        var dot = rest.IndexOf('.', StringComparison.Ordinal);
        var layer = int.Parse(rest[..dot], CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{TeacherBlock}.{layers[layer]}{rest[dot..]}");
    }
}
