"""Writes the same small model in every format that Llama.Gpu reads, and the logits that PyTorch computes for it.

Run with Debian's python3 (python3-torch, python3-numpy, python3-sentencepiece):
    cd tools/checkpoint-formats && /usr/bin/python3 make_fixtures.py
"""

import io
import json
import shutil
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import sentencepiece
import torch

import gguf_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools" / "tiny-model"))

import safetensors_file  # noqa: E402
from llama import Config, Llama, inverse_frequencies  # noqa: E402

FIXTURES = ROOT / "Llama.Gpu.Tests" / "Checkpoints" / "Fixtures"
POSITIONS = 24
CORPUS = ["the small model reads the same text in every format", "a hat, a mat and 3 cats sat at 12 tables"] * 20

CONFIG = Config(
    vocab_size=48,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    max_position_embeddings=131072,
    rope_theta=500000.0,
    rope_scaling={
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    bos_token_id=1,
    eos_token_id=2,
    torch_dtype="bfloat16",
)

# 4 * 32 * 2/3 = 85, times 0.7 = 59, rounded up to 64
PARAMS = {
    "dim": 32,
    "ffn_dim_multiplier": 0.7,
    "multiple_of": 16,
    "n_heads": 4,
    "n_kv_heads": 2,
    "n_layers": 2,
    "norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "use_scaled_rope": True,
    "vocab_size": -1,
}

# Hugging Face's name, Meta's, GGUF's, and the axis along which Meta's shards divide it
GLOBAL_NAMES = [
    ("model.embed_tokens.weight", "tok_embeddings.weight", "token_embd.weight", 1),
    ("model.norm.weight", "norm.weight", "output_norm.weight", None),
    ("lm_head.weight", "output.weight", "output.weight", 0),
]
LAYER_NAMES = [
    ("self_attn.q_proj.weight", "attention.wq.weight", "attn_q.weight", 0),
    ("self_attn.k_proj.weight", "attention.wk.weight", "attn_k.weight", 0),
    ("self_attn.v_proj.weight", "attention.wv.weight", "attn_v.weight", 0),
    ("self_attn.o_proj.weight", "attention.wo.weight", "attn_output.weight", 1),
    ("mlp.gate_proj.weight", "feed_forward.w1.weight", "ffn_gate.weight", 0),
    ("mlp.down_proj.weight", "feed_forward.w2.weight", "ffn_down.weight", 1),
    ("mlp.up_proj.weight", "feed_forward.w3.weight", "ffn_up.weight", 0),
    ("input_layernorm.weight", "attention_norm.weight", "attn_norm.weight", None),
    ("post_attention_layernorm.weight", "ffn_norm.weight", "ffn_norm.weight", None),
]


def names():
    yield from GLOBAL_NAMES
    for i in range(CONFIG.num_hidden_layers):
        for hugging_face, meta, gguf, axis in LAYER_NAMES:
            yield f"model.layers.{i}.{hugging_face}", f"layers.{i}.{meta}", f"blk.{i}.{gguf}", axis


def weights() -> dict[str, torch.Tensor]:
    """Matrices in bf16, the MLP's last in f16, norms in f32: every type that a checkpoint may have."""
    random = np.random.default_rng(11)
    tensors = {}
    for name, parameter in Llama(CONFIG).named_parameters():
        values = random.standard_normal(tuple(parameter.shape)).astype(np.float32)
        if name.endswith("norm.weight"):
            tensors[name] = torch.from_numpy(1 + 0.3 * values)
            continue
        scale = 0.4 if "embed_tokens" in name or "lm_head" in name else 0.25 if "q_proj" in name or "k_proj" in name else 0.15
        kind = torch.float16 if "down_proj" in name else torch.bfloat16
        tensors[name] = torch.from_numpy(scale * values).to(kind)
    return tensors


def interleave(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of queries or keys from Hugging Face's order to Meta's: the two of a pair from half a head apart to neighbours."""
    rows, columns = tensor.shape
    return tensor.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def meta_weights(tensors: dict[str, torch.Tensor]) -> "OrderedDict[str, torch.Tensor]":
    result = OrderedDict()
    for name, meta, _, _ in names():
        heads = 4 if "q_proj" in name else 2 if "k_proj" in name else None
        result[meta] = interleave(tensors[name], heads) if heads else tensors[name]
    return result


def write_hugging_face(tensors: dict[str, torch.Tensor]) -> None:
    single = FIXTURES / "hf-single"
    single.mkdir(parents=True)
    (single / "config.json").write_text(CONFIG.to_json())
    safetensors_file.write(str(single / "model.safetensors"), tensors)

    shards, binary = FIXTURES / "hf-shards", FIXTURES / "pytorch-bin"
    for folder, pattern, index in (
        (shards, "model-0000{}-of-00002.safetensors", "model.safetensors.index.json"),
        (binary, "pytorch_model-0000{}-of-00002.bin", "pytorch_model.bin.index.json"),
    ):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(CONFIG.to_json())
        weight_map = {}
        for shard in (1, 2):
            part = {name: tensor for i, (name, tensor) in enumerate(tensors.items()) if i % 2 == shard - 1}
            file = pattern.format(shard)
            weight_map |= dict.fromkeys(part, file)
            if folder == shards:
                safetensors_file.write(str(folder / file), part)
            else:
                # parameters and a module's dictionary with its versions, as training scripts save them
                state = torch.nn.Linear(1, 1).state_dict()
                state.clear()
                state.update((name, torch.nn.Parameter(tensor) if shard == 1 else tensor) for name, tensor in part.items())
                torch.save(state, folder / file)
        total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        (folder / index).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n")


def write_meta(tensors: dict[str, torch.Tensor], tokenizer: bytes) -> None:
    state = meta_weights(tensors)
    one, two = FIXTURES / "meta-1", FIXTURES / "meta-2"
    for folder in (one, two):
        folder.mkdir(parents=True)
        (folder / "params.json").write_text(json.dumps(PARAMS) + "\n")
    (one / "tokenizer.model").write_bytes(tokenizer)

    for shard in (0, 1):
        part = OrderedDict()
        for _, meta, _, axis in names():
            part[meta] = state[meta] if axis is None else state[meta].chunk(2, dim=axis)[shard].clone()
        part["rope.freqs"] = inverse_frequencies(CONFIG)
        torch.save(part, two / f"consolidated.0{shard}.pth")

    # two matrices in one storage, and one that lies in its storage by columns
    whole = OrderedDict(state)
    gate, up = "layers.0.feed_forward.w1.weight", "layers.0.feed_forward.w3.weight"
    both = torch.cat((state[gate], state[up]))
    whole[gate], whole[up] = both[: len(state[gate])], both[len(state[gate]) :]
    key = "layers.1.attention.wk.weight"
    whole[key] = state[key].t().contiguous().t()
    assert not whole[key].is_contiguous() and torch.equal(whole[key], state[key])
    torch.save(whole, one / "consolidated.00.pth")


def write_gguf(tensors: dict[str, torch.Tensor], tokenizer: bytes) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_proto=tokenizer)
    count = pieces.get_piece_size()
    metadata = {
        "general.architecture": "llama",
        "general.name": "the same model",
        "llama.block_count": CONFIG.num_hidden_layers,
        "llama.context_length": CONFIG.max_position_embeddings,
        "llama.embedding_length": CONFIG.hidden_size,
        "llama.feed_forward_length": CONFIG.intermediate_size,
        "llama.attention.head_count": CONFIG.num_attention_heads,
        "llama.attention.head_count_kv": CONFIG.num_key_value_heads,
        "llama.attention.layer_norm_rms_epsilon": CONFIG.rms_norm_eps,
        "llama.rope.dimension_count": CONFIG.head_dim,
        "llama.rope.freq_base": CONFIG.rope_theta,
        "llama.vocab_size": CONFIG.vocab_size,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [pieces.id_to_piece(i) for i in range(count)],
        "tokenizer.ggml.scores": [pieces.get_score(i) for i in range(count)],
        "tokenizer.ggml.token_type": [2 if i == 0 else 3 if i in (1, 2) else 1 for i in range(count)],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": True,
    }
    state = meta_weights(tensors)
    converted = {gguf: state[meta] for _, meta, gguf, _ in names()}
    plain = inverse_frequencies(Config(**{**CONFIG.__dict__, "rope_scaling": None}))
    converted["rope_freqs.weight"] = plain / inverse_frequencies(CONFIG)
    for folder, quantized in (("gguf", False), ("gguf-q8", True)):
        (FIXTURES / folder).mkdir(parents=True)
        gguf_file.write(str(FIXTURES / folder / "model.gguf"), metadata, converted, quantized)
    write_gguf_parts(metadata, converted)


def write_gguf_parts(metadata: dict, tensors: dict[str, torch.Tensor], count: int = 3) -> None:
    """The same in several files, as llama.cpp's gguf-split cuts them: the metadata in the first, its own number and the count in each."""
    folder = FIXTURES / "gguf-split"
    folder.mkdir(parents=True)
    each = -(-len(tensors) // count)
    for i in range(count):
        split = {"split.no": np.uint16(i), "split.count": np.uint16(count), "split.tensors.count": np.int32(len(tensors))}
        part = dict(list(tensors.items())[i * each : (i + 1) * each])
        name = f"model-{i + 1:05}-of-{count:05}.gguf"
        gguf_file.write(str(folder / name), metadata | split if i == 0 else split, part)


def train_tokenizer() -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type="bpe",
        vocab_size=CONFIG.vocab_size,
        normalization_rule_name="identity", remove_extra_whitespaces=False, num_threads=1,
    )
    return model.getvalue()


def main() -> None:
    torch.set_num_threads(1)
    for folder in ("hf-single", "hf-shards", "pytorch-bin", "meta-1", "meta-2", "gguf", "gguf-q8", "gguf-split"):
        shutil.rmtree(FIXTURES / folder, ignore_errors=True)
    tensors = weights()
    tokenizer = train_tokenizer()
    write_hugging_face(tensors)
    write_meta(tensors, tokenizer)
    write_gguf(tensors, tokenizer)

    model = Llama(CONFIG).eval()
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    tokens = np.random.default_rng(12).integers(0, CONFIG.vocab_size, POSITIONS).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([tokens]))[0]
    value = "model.layers.1.self_attn.v_proj.weight"
    quantized = gguf_file.dequantize(gguf_file.encode(tensors[value], True)[1])
    expected = {"tokens": tokens, "logits": [round(x, 5) for x in logits[-1].tolist()], "quantized": quantized[:64].tolist()}
    (FIXTURES / "expected.json").write_text(json.dumps(expected) + "\n")
    size = sum(file.stat().st_size for file in FIXTURES.rglob("*") if file.is_file())
    print(f"{size} bytes, logits std {logits.std():.2f}, max {logits.abs().max():.2f}")


if __name__ == "__main__":
    main()
