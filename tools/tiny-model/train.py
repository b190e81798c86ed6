"""Trains models/tiny. Checkpoints of the training go to a work folder; export.py makes the model of the latest one.

`python3 train.py --work /tmp/tiny --steps 3600`
"""

import argparse
import math
import random
import time
from pathlib import Path

import torch
from torch.nn import functional

import bpe
import documents
from llama import Config, Llama
from train_tokenizer import MODEL

ROWS, LENGTH = 8, 192
WARMUP, LAST_RATE = 100, 2.5e-5


def config(tokenizer: bpe.Tokenizer) -> Config:
    return Config(
        vocab_size=len(tokenizer.vocabulary) + len(tokenizer.special),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=5,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=2048,
        rope_theta=500000.0,
        rope_scaling={
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 256,
            "rope_type": "llama3",
        },
        tie_word_embeddings=True,
        bos_token_id=tokenizer.special[bpe.BEGIN],
        eos_token_id=[tokenizer.special[bpe.END], tokenizer.special["<|eot_id|>"]],
        torch_dtype="bfloat16",
    )


def initialize(model: Llama) -> None:
    """
    Normal weights, except for attention: a head's output starts as the transpose of its value projection, and its queries
    start near its keys. So a head looks at tokens like the one that is expected and raises their logits, from the first
    step on. README.md has what this and the recall weights do for the names in a story.
    """
    shrink = math.sqrt(2 * model.config.num_hidden_layers)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.06)
    for layer in model.model.layers:
        attention = layer.self_attn
        group = attention.heads // attention.kv_heads
        values = attention.v_proj.weight.view(attention.kv_heads, attention.head_dim, -1).repeat_interleave(group, dim=0)
        attention.o_proj.weight.data.copy_(values.flatten(0, 1).T / shrink)
        keys = attention.k_proj.weight.view(attention.kv_heads, attention.head_dim, -1).repeat_interleave(group, dim=0)
        attention.q_proj.weight.data.copy_((attention.q_proj.weight + keys.flatten(0, 1)) / math.sqrt(2))
        layer.mlp.down_proj.weight.data /= shrink


def rate(step: int, steps: int, peak: float) -> float:
    if step < WARMUP:
        return peak * (step + 1) / WARMUP
    progress = (step - WARMUP) / max(1, steps - WARMUP)
    return LAST_RATE + (peak - LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2


def loss_of(model: Llama, batch, weighted: bool) -> torch.Tensor:
    """Mean cross-entropy over the targets, by their weights or plain."""
    ids, targets, weights, mask = batch
    losses = functional.cross_entropy(model(ids, mask).flatten(0, 1), targets.flatten(), reduction="none")
    weights = (weights if weighted else (weights > 0).float()).flatten()
    return (losses * weights).sum() / weights.sum()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--steps", type=int, default=3600)
    arguments.add_argument("--rate", type=float, default=2.5e-3, help="peak of the learning rate")
    arguments.add_argument("--start", type=Path, help="a training's work folder to go on from")
    arguments.add_argument("--seed", type=int, default=4, help="of the documents")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(3)

    tokenizer = bpe.Tokenizer.read(MODEL / "tokenizer.json")
    if options.start:
        model = Llama.load(options.start).train()
    else:
        model = Llama(config(tokenizer))
        initialize(model)
    print(f"{sum(parameter.numel() for parameter in model.parameters())} parameters", flush=True)
    matrices = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    norms = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}], lr=0, betas=(0.9, 0.95)
    )
    rng = random.Random(options.seed)
    held_out = documents.batch(random.Random(5), tokenizer, 64, LENGTH)
    started = saved = time.time()
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, options.steps, options.rate)
        loss = loss_of(model, documents.batch(rng, tokenizer, ROWS, LENGTH), weighted=True)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            print(f"{time.time() - started:7.1f} s  step {step:5}  loss {loss.item():.4f}", flush=True)
        if time.time() - saved > 60 or step == options.steps - 1:
            with torch.no_grad():
                print(f"held out: {loss_of(model, held_out, weighted=False).item():.4f}", flush=True)
            model.save(options.work)
            saved = time.time()


if __name__ == "__main__":
    main()
