namespace ModelCompiler.ModelDsl;

// Members are written in YAML in kebab-case: TransformerXl is transformer-xl, Adamw_8bit is adamw-8bit.

/// <summary>A ready-made architecture, itself written in the layer language (see Families/).</summary>
public enum Family
{
    /// <summary>A causal Transformer decoder, GPT-2-like or Llama-like by its options.</summary>
    Decoder,

    /// <summary>A causal decoder with segment-level recurrence and relative positions (Transformer-XL, Dai et al. 2019).</summary>
    TransformerXl,

    /// <summary>A Transformer encoder whose positions see each other, as BERT (Devlin et al. 2019).</summary>
    Encoder,

    /// <summary>ALBERT (Lan et al. 2020): a factorized embedding, and blocks that share their parameters.</summary>
    Albert,
}

/// <summary>Where a block normalizes.</summary>
public enum NormPlacement
{
    /// <summary>Before each sublayer, and after the last block (GPT-2).</summary>
    Pre,

    /// <summary>After each residual sum (Vaswani et al. 2017).</summary>
    Post,
}

/// <summary>What stands for a sequence.</summary>
public enum PoolingKind
{
    /// <summary>The vector of its first token.</summary>
    Cls,

    /// <summary>The mean of the vectors of its tokens, without padding.</summary>
    Mean,
}

/// <summary>How a model knows the order of its tokens.</summary>
public enum PositionKind
{
    /// <summary>A trained vector per position, added to the embedding (GPT-2).</summary>
    Learned,

    /// <summary>Rotary position embedding of queries and keys (RoFormer, Su et al. 2021).</summary>
    Rope,

    /// <summary>No position information besides the causal mask.</summary>
    None,
}

/// <summary>How rotary frequencies are changed for longer sequences.</summary>
public enum RopeScalingKind
{
    /// <summary>All divided by the factor: position interpolation (Chen et al. 2023).</summary>
    Linear,

    /// <summary>A larger base, under which the slowest pair is divided by the factor and the fastest is kept (NTK-aware; bloc97 2023).</summary>
    Ntk,

    /// <summary>Fast pairs kept, slow ones divided, a ramp between, and sharper attention (YaRN, Peng et al. 2023).</summary>
    Yarn,

    /// <summary>Fast pairs kept, slow ones divided, a blend between (Llama 3.1, 2024).</summary>
    Llama3,
}

public enum NormKind
{
    /// <summary>Layer normalization (Ba et al. 2016): mean and variance.</summary>
    Layer,

    /// <summary>Root-mean-square normalization (Zhang and Sennrich 2019): no mean, no bias.</summary>
    Rms,
}

public enum ActivationKind
{
    /// <summary>Gaussian error linear unit, exact form (Hendrycks and Gimpel 2016).</summary>
    Gelu,

    /// <summary>The tanh approximation of gelu (Hendrycks and Gimpel 2016): what GPT-2's checkpoints were trained with.</summary>
    GeluTanh,

    /// <summary>x · sigmoid(x) (Elfwing et al. 2017).</summary>
    Silu,

    /// <summary>max(x, 0)² (Primer, So et al. 2021).</summary>
    ReluSquared,

    /// <summary>max(x, 0) (Nair and Hinton 2010).</summary>
    Relu,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,
}

public enum MlpKind
{
    Gelu,
    GeluTanh,
    Silu,
    ReluSquared,
    Relu,

    /// <summary>silu(gate) · up, then down (Shazeer 2020).</summary>
    Swiglu,
}

/// <summary>An element type of the compute graph.</summary>
public enum Precision
{
    Fp32,

    /// <summary>The upper half of fp32: its range with 8 bits of precision (Kalamkar et al. 2019).</summary>
    Bf16,

    /// <summary>IEEE half: 11 bits of precision and a range that gradients leave, so that the loss is scaled (Micikevicius et al. 2018).</summary>
    Fp16,
}

/// <summary>How checkpointing divides repeated blocks.</summary>
public enum CheckpointLayers
{
    /// <summary>Every block is a segment.</summary>
    All,

    /// <summary>Segments of about the square root of the number of blocks (Chen et al. 2016).</summary>
    Sqrt,
}

public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019).</summary>
    Adamw,

    /// <summary>Stochastic gradient descent with momentum (Polyak 1964) and decoupled weight decay.</summary>
    Sgd,

    /// <summary>The sign of an interpolated momentum (Chen et al. 2023).</summary>
    Lion,

    /// <summary>Orthogonalized momentum for the matrices of linear layers, AdamW for all else (Jordan et al. 2024).</summary>
    Muon,

    /// <summary>AdamW whose moments of matrices have 8 bits (Dettmers et al. 2021).</summary>
    Adamw_8bit,
}

/// <summary>Which parameters decay.</summary>
public enum DecayTargets
{
    /// <summary>Embeddings and the weights of linear layers; not biases, nor the parameters of norms.</summary>
    Matrices,

    /// <summary>Every parameter.</summary>
    All,
}

/// <summary>The shape of the learning rate after its warm-up.</summary>
public enum DecayKind
{
    Cosine,
    Linear,
    Constant,

    /// <summary>Constant until a cool-down at the end of the run: warm-up, stable, decay (Hu et al. 2024; Hägele et al. 2024).</summary>
    Wsd,
}

/// <summary>The shape of a cool-down over its progress x from 0 to 1.</summary>
public enum CoolDownKind
{
    /// <summary>1 − √x (Hägele et al. 2024).</summary>
    Sqrt,

    /// <summary>1 − x</summary>
    Linear,
}

/// <summary>What a run does when the loss or the gradients of a step are not finite.</summary>
public enum NanPolicy
{
    /// <summary>The run ends; its checkpoints are as they were.</summary>
    Stop,

    /// <summary>The step makes no update. A run of ten such steps ends.</summary>
    Skip,

    /// <summary>Back to the newest checkpoint, and on without the step's batch; at most ten times in a run.</summary>
    Rewind,
}

public enum TokenizerKind
{
    /// <summary>Each byte of the text is a token: a vocabulary of 256.</summary>
    Bytes,

    /// <summary>Byte-level byte-pair encoding, trained on the training text to the declared vocabulary.</summary>
    Bpe,

    /// <summary>A tokenizer.json of Hugging Face's library tokenizers.</summary>
    Json,
}
