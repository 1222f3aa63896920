namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>How a curriculum goes from its start to its end.</summary>
internal interface IPacing
{
    /// <summary>Where it stands.</summary>
    /// <param name="progress">Share of the curriculum's steps that are made, from 0 to below 1.</param>
    /// <param name="from">Where it starts.</param>
    /// <param name="to">Where it ends.</param>
    double At(double progress, double from, double to);
}
