using System.Text.Json.Nodes;
using ModelCompiler.Runtime.Tests.HuggingFace.Reference;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>Tiny random models with the configurations that transformers writes, by the folder that they are saved in.</summary>
internal static class TinyModels
{
    /// <summary>A tokenizer of few tokens, so that the models can be small.</summary>
    private const string Tokenizer = """{"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"a":5,"##b":6}}}""";

    public static PlainCheckpoint Gpt2() => Gpt2Reference.Draw(Parse("""
        {
          "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 95, "embd_pdrop": 0.1,
          "eos_token_id": 95, "initializer_range": 0.02, "layer_norm_epsilon": 1e-4, "model_type": "gpt2", "n_ctx": 16, "n_embd": 32, "n_head": 4,
          "n_inner": 80, "n_layer": 2, "n_positions": 16, "resid_pdrop": 0.1, "summary_activation": null, "summary_first_dropout": 0.1,
          "summary_proj_to_labels": true, "summary_type": "cls_index", "summary_use_proj": true,
          "task_specific_params": { "text-generation": { "do_sample": true, "max_length": 50 } }, "vocab_size": 96
        }
        """), seed: 1);

    public static PlainCheckpoint Llama() => LlamaReference.Draw(Parse("""
        {
          "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
          "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 48, "max_position_embeddings": 16, "mlp_bias": false, "model_type": "llama",
          "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "pretraining_tp": 1, "rms_norm_eps": 1e-06,
          "rope_scaling": { "factor": 4.0, "high_freq_factor": 2.0, "low_freq_factor": 0.5, "original_max_position_embeddings": 8, "rope_type": "llama3" },
          "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.40.0",
          "use_cache": true, "vocab_size": 96
        }
        """), seed: 2);

    public static PlainCheckpoint LlamaBiased() => LlamaReference.Draw(Parse("""
        {
          "attention_bias": true, "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "max_position_embeddings": 16, "model_type": "llama",
          "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 4, "rms_norm_eps": 1e-05,
          "rope_scaling": { "rope_type": "linear", "factor": 2.0 }, "tie_word_embeddings": true, "vocab_size": 96
        }
        """), seed: 3);

    public static PlainCheckpoint Mistral() => LlamaReference.Draw(Parse("""
        {
          "architectures": ["MistralForCausalLM"], "attention_dropout": 0.0, "head_dim": 12, "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48,
          "max_position_embeddings": 16, "model_type": "mistral", "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 1,
          "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": 5, "tie_word_embeddings": false, "vocab_size": 96
        }
        """), seed: 4);

    public static PlainCheckpoint Qwen2() => LlamaReference.Draw(Parse("""
        {
          "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48,
          "max_position_embeddings": 16, "max_window_layers": 2, "model_type": "qwen2", "num_attention_heads": 4, "num_hidden_layers": 2,
          "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000.0, "use_sliding_window": false,
          "rope_scaling": { "type": "yarn", "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 1.2, "beta_slow": 0.1 },
          "tie_word_embeddings": true, "vocab_size": 96
        }
        """), seed: 5);

    public static PlainCheckpoint Qwen3() => LlamaReference.Draw(Parse("""
        {
          "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "head_dim": 16, "hidden_act": "silu", "hidden_size": 32,
          "intermediate_size": 48, "layer_types": ["full_attention", "full_attention"], "max_position_embeddings": 16, "max_window_layers": 2,
          "model_type": "qwen3", "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
          "rope_theta": 1000000, "use_sliding_window": false, "tie_word_embeddings": true, "vocab_size": 96
        }
        """), seed: 6);

    public static PlainCheckpoint Bert() => BertReference.Draw(Parse("""
        {
          "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1, "classifier_dropout": null, "gradient_checkpointing": false, "hidden_act": "gelu",
          "hidden_dropout_prob": 0.1, "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 48, "layer_norm_eps": 1e-12,
          "max_position_embeddings": 16, "model_type": "bert", "num_attention_heads": 4, "num_hidden_layers": 2, "pad_token_id": 0,
          "position_embedding_type": "absolute", "transformers_version": "4.6.0", "type_vocab_size": 2, "use_cache": true, "vocab_size": 96
        }
        """), seed: 7);

    public static PlainCheckpoint Albert() => AlbertReference.Draw(Parse("""
        {
          "architectures": ["AlbertForMaskedLM"], "attention_probs_dropout_prob": 0, "bos_token_id": 2, "classifier_dropout_prob": 0.1, "down_scale_factor": 1,
          "embedding_size": 16, "eos_token_id": 3, "gap_size": 0, "hidden_act": "gelu_new", "hidden_dropout_prob": 0, "hidden_size": 32,
          "initializer_range": 0.02, "inner_group_num": 1, "intermediate_size": 48, "layer_norm_eps": 1e-12, "layers_to_keep": [], "max_position_embeddings": 16,
          "model_type": "albert", "net_structure_type": 0, "num_attention_heads": 4, "num_hidden_groups": 2, "num_hidden_layers": 4,
          "num_memory_blocks": 0, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 96
        }
        """), seed: 8);

    public static PlainCheckpoint TransfoXl() => TransfoXlReference.Draw(Parse("""
        {
          "adaptive": true, "architectures": ["TransfoXLLMHeadModel"], "attn_type": 0, "clamp_len": 10, "cutoffs": [], "d_embed": 32, "d_head": 8,
          "d_inner": 48, "d_model": 32, "div_val": 1, "dropatt": 0.0, "dropout": 0.1, "eos_token_id": 0, "ext_len": 0, "init": "normal", "init_range": 0.01,
          "init_std": 0.02, "layer_norm_epsilon": 1e-4, "mem_len": 12, "model_type": "transfo-xl", "n_head": 4, "n_layer": 2, "pre_lnorm": false,
          "proj_init_std": 0.01, "same_length": false, "sample_softmax": -1, "tgt_len": 8, "tie_projs": [false], "tie_weight": true, "untie_r": true,
          "vocab_size": 96
        }
        """), seed: 9);

    public static PlainCheckpoint TransfoXlSame() => TransfoXlReference.Draw(Parse("""
        {
          "clamp_len": 1000, "cutoffs": [], "d_embed": 32, "d_head": 16, "d_inner": 80, "d_model": 32, "div_val": 1, "layer_norm_epsilon": 1e-5, "mem_len": 6,
          "model_type": "transfo-xl", "n_head": 2, "n_layer": 2, "same_length": true, "tgt_len": 8, "tie_word_embeddings": false, "vocab_size": 96
        }
        """), seed: 10);

    /// <summary>Writes a folder as transformers does.</summary>
    public static string Save(this PlainCheckpoint checkpoint, TemporaryFolder folder, string name, string type = "F32", int files = 1)
    {
        checkpoint.Save(folder[name], type, files);
        File.WriteAllText(Path.Combine(folder[name], "tokenizer.json"), Tokenizer);
        return folder[name];
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
