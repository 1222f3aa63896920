using System.Text;
using System.Text.Json;

namespace ModelCompiler.Runtime.Chat;

/// <summary>
/// How a conversation becomes a prompt: what stands around a message of each role. Turns are appended, never rewritten, so that the next prompt
/// begins with the last one and its answer.
/// </summary>
/// <param name="Opening">Before a message; <c>{role}</c> is its role, in lower case.</param>
/// <param name="Closing">After a message.</param>
/// <param name="Stop">What ends an answer.</param>
/// <param name="Names">Names of roles other than their own.</param>
public sealed record ChatTemplate(string Opening, string Closing, string Stop, IReadOnlyDictionary<string, string>? Names = null)
{
    /// <summary>For models that were trained on text alone: names and lines.</summary>
    public static ChatTemplate Plain { get; } = new("{role}: ", "\n", "\nUser:", new Dictionary<string, string>
    {
        ["system"] = "System", ["user"] = "User", ["assistant"] = "Assistant",
    });

    /// <summary>ChatML, as of Qwen and others.</summary>
    public static ChatTemplate ChatMl { get; } = new("<|im_start|>{role}\n", "<|im_end|>\n", "<|im_end|>");

    /// <summary>That of Llama 3.</summary>
    public static ChatTemplate Llama3 { get; } = new("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>", "<|eot_id|>");

    /// <summary>
    /// The template of a folder's <c>tokenizer_config.json</c>: one of those here, known by its marks, for <c>chat_template</c> is a program in
    /// Jinja that is not run; plain where there is none or another.
    /// </summary>
    public static ChatTemplate Of(string folder)
    {
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer_config.json")));
            var program = config.RootElement.TryGetProperty("chat_template", out var template) && template.ValueKind == JsonValueKind.String ? template.GetString()! : "";
            return program.Contains("<|im_start|>", StringComparison.Ordinal) ? ChatMl : program.Contains("<|start_header_id|>", StringComparison.Ordinal) ? Llama3 : Plain;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return Plain;
        }
    }

    /// <summary>The prompt for the next answer.</summary>
    /// <param name="turns">Roles, such as system, user and assistant, and what they say.</param>
    public string Prompt(IEnumerable<(string Role, string Text)> turns)
    {
        var prompt = new StringBuilder();
        foreach (var (role, text) in turns) prompt.Append(Before(role)).Append(text).Append(Closing);
        return prompt.Append(Before("assistant").TrimEnd(' ')).ToString();
    }

    private string Before(string role) => Opening.Replace("{role}", Names?.GetValueOrDefault(role) ?? role, StringComparison.Ordinal);
}
