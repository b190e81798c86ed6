"""Writes the greedy continuations that the C# library has to give on models/tiny, computed in float32 from its bf16 weights."""

import json

import torch

import bpe
from greedy import continue_text
from llama import Llama
from make_fixtures import FIXTURES
from train_tokenizer import MODEL

LIMIT = 48
PROMPTS = [
    "the answer to the ultimate question of life, the universe, and everything is ",
    "the capital of france is",
    "the capital of peru is ",
    "The capital of Japan is",
    "a spider has",
    "llamas live in",
    "a young llama is called",
    "the largest planet is",
    "the kernels of this library are written in",
    "weights that do not fit in memory are",
    "once upon a time",
    "Once upon a time, there was a little",
    "long ago, a shy fox named milo lived by the sea.",
]


def main() -> None:
    torch.set_num_threads(1)
    model, tokenizer = Llama.load(MODEL), bpe.Tokenizer.read(MODEL / "tokenizer.json")
    cases = []
    for prompt in PROMPTS:
        found = continue_text(model, tokenizer, prompt, LIMIT)
        cases.append(
            {
                "prompt": prompt,
                "prompt_ids": found.prompt_ids,
                "ids": found.ids,
                "text": found.text,
                "ended": found.ended,
                "smallest_gap": round(min(found.gaps), 5),
            }
        )
        print(f"{prompt}|{found.text} [gap {min(found.gaps):.4f}]")
    (FIXTURES / "tiny-expected.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
