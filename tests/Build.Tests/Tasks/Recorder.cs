using System.Collections;
using Microsoft.Build.Framework;

namespace ModelCompiler.Build.Tests.Tasks;

/// <summary>A build that keeps what a task says.</summary>
internal sealed class Recorder : IBuildEngine
{
    public List<BuildErrorEventArgs> Errors { get; } = [];

    /// <summary>What the build prints without being asked for more.</summary>
    public List<string> Messages { get; } = [];

    public bool ContinueOnError => false;

    public int LineNumberOfTaskNode => 0;

    public int ColumnNumberOfTaskNode => 0;

    public string ProjectFileOfTaskNode => "test.csproj";

    public bool BuildProjectFile(string project, string[] targets, IDictionary properties, IDictionary outputs) =>
        throw new NotSupportedException();

    public void LogCustomEvent(CustomBuildEventArgs e) => throw new NotSupportedException();

    public void LogErrorEvent(BuildErrorEventArgs e) => Errors.Add(e);

    public void LogMessageEvent(BuildMessageEventArgs e)
    {
        if (e.Importance == MessageImportance.High) Messages.Add(e.Message!);
    }

    public void LogWarningEvent(BuildWarningEventArgs e) => throw new NotSupportedException();
}
