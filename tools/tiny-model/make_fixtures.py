"""Writes the fixture checkpoints and their logits that the C# decoder is held to.

Random weights, large enough that attention is far from uniform and that logits differ by several units.
The float32 logits are compared with a float64 run, so that the fixture's own rounding is known.
"""

import json
from pathlib import Path

import numpy as np
import torch

from llama import Config, Llama, inverse_frequencies

FIXTURES = Path(__file__).resolve().parents[2] / "Llama.Gpu.Tests" / "EndToEnd" / "Fixtures"
POSITIONS = 40

CONFIGS = {
    "gqa-scaled-untied": Config(
        vocab_size=97,
        hidden_size=64,
        intermediate_size=72,
        num_hidden_layers=3,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=1024,
        rope_theta=500000.0,
        rope_scaling={
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 128,
            "rope_type": "llama3",
        },
        eos_token_id=[1, 3],
    ),
    "mha-tied": Config(
        vocab_size=131,
        hidden_size=48,
        intermediate_size=104,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=12,
        max_position_embeddings=512,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        omit=["head_dim", "attention_bias", "mlp_bias"],
    ),
    "mqa-biased-linear": Config(
        vocab_size=101,
        hidden_size=40,
        intermediate_size=84,
        num_hidden_layers=3,
        num_attention_heads=5,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=512,
        rope_scaling={"factor": 2.5, "type": "linear"},
        attention_bias=True,
        mlp_bias=True,
        bos_token_id=1,
        eos_token_id=2,
    ),
}


def random_model(config: Config, random: np.random.Generator) -> Llama:
    model = Llama(config).eval()
    for name, parameter in model.named_parameters():
        values = random.standard_normal(tuple(parameter.shape)).astype(np.float32)
        if name.endswith("norm.weight"):
            values = 1 + 0.3 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif "embed_tokens" in name:
            values = 0.4 * values
        elif "q_proj" in name or "k_proj" in name:
            values = 0.2 * values
        elif "lm_head" in name:
            values = 0.3 * values
        else:
            values = 0.12 * values
        parameter.data = torch.from_numpy(values)
    return model


def check_wavelengths(config: Config) -> None:
    """All three branches of the llama3 rule have to occur, or the fixture does not test it."""
    scaling = config.rope_scaling
    if not scaling or scaling.get("rope_type") != "llama3":
        return
    plain = inverse_frequencies(Config(**{**config.__dict__, "rope_scaling": None}))
    ratio = plain / inverse_frequencies(config)
    kept = int((ratio == 1).sum())
    divided = int((ratio > scaling["factor"] - 1e-3).sum())
    blended = len(ratio) - kept - divided
    print(f"  wavelengths kept {kept}, blended {blended}, divided {divided}")
    assert kept and blended and divided


def main() -> None:
    torch.set_num_threads(1)
    for seed, (name, config) in enumerate(CONFIGS.items(), start=1):
        random = np.random.default_rng(seed)
        folder = FIXTURES / name
        random_model(config, random).save(folder)
        model = Llama.load(folder)
        tokens = random.integers(0, config.vocab_size, POSITIONS).tolist()
        ids = torch.tensor([tokens])
        with torch.no_grad():
            logits = model(ids)[0]
            exact = model.double()(ids)[0]
        (folder / "expected.json").write_text(json.dumps({"tokens": tokens}) + "\n")
        logits.numpy().astype("<f4").tofile(folder / "logits.f32")
        size = (folder / "model.safetensors").stat().st_size
        error = (logits - exact).abs().max().item()
        print(f"{name}: {size} bytes, logits std {logits.std():.2f} max {logits.abs().max():.2f}, float32 error {error:.1e}")
        check_wavelengths(config)


if __name__ == "__main__":
    main()
