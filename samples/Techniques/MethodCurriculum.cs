using ModelCompiler;

namespace Techniques;

/// <summary>What the curriculum of method-curriculum.model.yaml calls.</summary>
public partial class MethodCurriculum
{
    /// <summary>Text with many signs is difficult: generic types, signatures, escapes.</summary>
    [Difficulty]
    private static double Signs(string text) => text.Count(letter => !char.IsLetterOrDigit(letter) && letter != ' ');

    /// <summary>Slowly at first.</summary>
    [Pacing]
    private static double Quadratic(double progress) => progress * progress;
}
