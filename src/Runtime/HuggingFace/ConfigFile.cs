using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>The configuration of a model, <c>config.json</c>.</summary>
internal static class ConfigFile
{
    public const string Name = "config.json";

    /// <summary>Keys that say nothing of the forward pass without dropout: bookkeeping, generation, initialization, training.</summary>
    private static readonly string[] s_irrelevant =
    [
        "_name_or_path", "_commit_hash", "_attn_implementation", "_attn_implementation_autoset", "architectures", "auto_map", "transformers_version",
        "torch_dtype", "dtype", "torchscript", "use_bfloat16", "use_cache", "return_dict", "output_attentions", "output_hidden_states", "output_past",
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "mask_token_id",
        "decoder_start_token_id", "tokenizer_class", "prefix", "task_specific_params", "problem_type", "finetuning_task",
        "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k",
        "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
        "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id", "forced_eos_token_id",
        "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "tf_legacy_loss",
        "initializer_range", "gradient_checkpointing", "pretraining_tp", "id2label", "label2id", "num_labels",
    ];

    /// <summary>Opens the configuration of a folder.</summary>
    /// <exception cref="CheckpointException">There is none, or it is not JSON.</exception>
    public static StrictObject Open(string folder)
    {
        var path = Path.Combine(folder, Name);
        try
        {
            return Of(StrictObject.Parse(File.ReadAllBytes(path)), path);
        }
        catch (Exception e) when (e is (IOException and not CheckpointException) or UnauthorizedAccessException or JsonException)
        {
            throw new CheckpointException($"'{path}' cannot be read ({e.Message}). Give the folder of a model as Hugging Face lays it out.", e);
        }
    }

    /// <summary>A configuration that is in no file.</summary>
    public static StrictObject Of(JsonObject config) => Of(JsonSerializer.SerializeToElement(config), Name);

    /// <summary>The architecture of a configuration, all of whose keys are known.</summary>
    public static ArchitectureSpec Read(PretrainedArchitecture architecture, StrictObject config)
    {
        var read = architecture.Read(config);
        config.Ignore([.. s_irrelevant, "model_type"]);
        config.Finish();
        return read;
    }

    private static StrictObject Of(JsonElement config, string path) =>
        new(config, path, message => new CheckpointException(message + " This model cannot be imported."));
}
