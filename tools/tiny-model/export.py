"""Writes models/tiny from the latest checkpoint of a training, rounded to bf16: `python3 export.py /tmp/tiny`."""

import sys
from pathlib import Path

import torch

from llama import Llama
from train_tokenizer import MODEL


def main() -> None:
    Llama.load(Path(sys.argv[1])).save(MODEL, torch.bfloat16)
    sizes = {path.name: path.stat().st_size for path in sorted(MODEL.iterdir())}
    print(sizes, "in all", sum(sizes.values()))


if __name__ == "__main__":
    main()
