"""Greedy continuation with the PyTorch model, and how close each choice was."""

from dataclasses import dataclass

import torch

import bpe
from llama import Llama


@dataclass
class Continuation:
    prompt_ids: list[int]
    # With the end of text last, where the model ended it.
    ids: list[int]
    # Highest logit less the second highest, at each id.
    gaps: list[float]
    text: str


def continue_text(model: Llama, tokenizer: bpe.Tokenizer, prompt: str, limit: int) -> Continuation:
    prompt_ids = [tokenizer.special[bpe.BEGIN], *tokenizer.encode(prompt)]
    ids: list[int] = []
    gaps: list[float] = []
    with torch.no_grad():
        while len(ids) < limit and not (ids and ids[-1] in model.config.eos_token_id):
            best = model(torch.tensor([prompt_ids + ids]))[0, -1].topk(2)
            ids.append(int(best.indices[0]))
            gaps.append(float(best.values[0] - best.values[1]))
    return Continuation(prompt_ids, ids, gaps, tokenizer.decode(ids))
