"""Greedy continuations with the PyTorch model, and how close each choice was."""

from dataclasses import dataclass, field

import torch

import bpe
from llama import Llama


@dataclass
class Continuation:
    prompt_ids: list[int]
    # With the end of text last, where the model ended it.
    ids: list[int] = field(default_factory=list)
    # Highest logit less the second highest, at each id.
    gaps: list[float] = field(default_factory=list)
    text: str = ""
    ended: bool = False


def continue_all(model: Llama, tokenizer: bpe.Tokenizer, prompts: list[str], limit: int) -> list[Continuation]:
    """Continues every prompt until its end of text or `limit` tokens. Padding stands on the right, where nothing sees it."""
    begin = tokenizer.special[bpe.BEGIN]
    results = [Continuation([begin, *tokenizer.encode(prompt)]) for prompt in prompts]
    open_results = results
    with torch.no_grad():
        for _ in range(limit):
            texts = [result.prompt_ids + result.ids for result in open_results]
            longest = max(len(text) for text in texts)
            logits = model(torch.tensor([text + [0] * (longest - len(text)) for text in texts]))
            for result, text, row in zip(open_results, texts, logits):
                best = row[len(text) - 1].topk(2)
                result.ids.append(int(best.indices[0]))
                result.gaps.append(float(best.values[0] - best.values[1]))
                result.ended = result.ids[-1] in model.config.eos_token_id
            open_results = [result for result in open_results if not result.ended]
            if not open_results:
                break
    for result in results:
        result.text = tokenizer.decode(result.ids)
    return results


def continue_text(model: Llama, tokenizer: bpe.Tokenizer, prompt: str, limit: int) -> Continuation:
    return continue_all(model, tokenizer, [prompt], limit)[0]
