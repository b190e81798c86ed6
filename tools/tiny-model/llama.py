"""A Llama decoder in plain PyTorch: the implementation that the C# one is compared with.

It follows the mathematics and the tensor names of Hugging Face's LlamaForCausalLM and shares no code with Llama.Gpu.
Everything is float32 unless the caller converts the module (`.double()` gives a check on rounding).
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

import safetensors_file


@dataclass
class Config:
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int = 2048
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    rope_scaling: dict | None = None
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    bos_token_id: int = 0
    eos_token_id: int | list[int] = 1
    torch_dtype: str = "float32"
    omit: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """config.json as transformers writes it: two spaces, sorted keys."""
        values = {key: value for key, value in self.__dict__.items() if key != "omit" and key not in self.omit}
        values |= {
            "architectures": ["LlamaForCausalLM"],
            "attention_dropout": 0.0,
            "hidden_act": "silu",
            "initializer_range": 0.02,
            "model_type": "llama",
            "pretraining_tp": 1,
            "transformers_version": "4.45.0",
            "use_cache": True,
        }
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    @staticmethod
    def read(path: Path) -> "Config":
        values = json.loads(path.read_text())
        known = {key: values[key] for key in Config.__dataclass_fields__ if key in values}
        known.setdefault("num_key_value_heads", values["num_attention_heads"])
        known.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
        return Config(**known)


def inverse_frequencies(config: Config) -> torch.Tensor:
    """Radians a position for each pair of a head, scaled as rope_scaling says. (head_dim / 2)"""
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.int64).float() / config.head_dim
    frequencies = 1.0 / (config.rope_theta**exponents)
    scaling = config.rope_scaling
    if scaling is None:
        return frequencies
    kind = scaling.get("rope_type", scaling.get("type"))
    factor = scaling["factor"]
    if kind == "linear":
        return frequencies / factor
    if kind != "llama3":
        raise ValueError(f"rope_scaling of type {kind}")
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    original = scaling["original_max_position_embeddings"]
    wavelengths = 2 * math.pi / frequencies
    smooth = (original / wavelengths - low) / (high - low)
    blended = (1 - smooth) * frequencies / factor + smooth * frequencies
    return torch.where(
        wavelengths > original / low,
        frequencies / factor,
        torch.where(wavelengths < original / high, frequencies, blended),
    )


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """RoPE in Hugging Face's halved layout: dimension i is paired with i + head_dim / 2."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine


class RmsNorm(nn.Module):
    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        width, kv_width = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=config.attention_bias)
        self.k_proj = nn.Linear(config.hidden_size, kv_width, bias=config.attention_bias)
        self.v_proj = nn.Linear(config.hidden_size, kv_width, bias=config.attention_bias)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=config.attention_bias)

    def forward(self, x, cosine, sine, mask):
        batch, length, _ = x.shape

        def split(y, heads):
            return y.view(batch, length, heads, self.head_dim).transpose(1, 2)

        query = rotate(split(self.q_proj(x), self.heads), cosine, sine)
        key = rotate(split(self.k_proj(x), self.kv_heads), cosine, sine)
        value = split(self.v_proj(x), self.kv_heads)
        group = self.heads // self.kv_heads
        key = key.repeat_interleave(group, dim=1)
        value = value.repeat_interleave(group, dim=1)
        scores = (query / math.sqrt(self.head_dim)) @ key.transpose(-1, -2) + mask
        mixed = functional.softmax(scores, dim=-1) @ value
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, self.heads * self.head_dim))


class Mlp(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)

    def forward(self, x):
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.input_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x, cosine, sine, mask):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)


class Llama(nn.Module):
    """Parameters carry Hugging Face's tensor names, so a checkpoint is the module's state dictionary."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.model = Body(config)
        self.lm_head = None
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.frequencies = inverse_frequencies(config)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits for every position. ids (batch, length); mask added to the scores, causal where it is None."""
        length = ids.shape[1]
        x = self.model.embed_tokens(ids)
        angles = torch.outer(torch.arange(length).float(), self.frequencies)
        angles = torch.cat((angles, angles), dim=-1)
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        if mask is None:
            mask = torch.full((length, length), float("-inf"), dtype=x.dtype).triu(1)
        for layer in self.model.layers:
            x = layer(x, cosine, sine, mask)
        x = self.model.norm(x)
        head = self.model.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return functional.linear(x, head)

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(self.config.to_json())
        tensors = {name: tensor.to(dtype) for name, tensor in self.state_dict().items()}
        safetensors_file.write(str(folder / "model.safetensors"), tensors)

    @staticmethod
    def load(folder: Path) -> "Llama":
        """The checkpoint in a folder, its weights widened to float32."""
        model = Llama(Config.read(folder / "config.json"))
        tensors = safetensors_file.read(str(folder / "model.safetensors"))
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        return model.eval()
