"""Asks the exported model every fact, in lower case and as written, with and without a space at the end, and prints stories."""

import sys
from pathlib import Path

import torch

import bpe
from facts import facts
from greedy import continue_text
from llama import Llama
from train_tokenizer import MODEL

OPENINGS = [
    "once upon a time", "once there was a brave llama named tina.", "long ago, a shy fox named milo lived by the sea.",
    "Once upon a time, there was a little", "once upon a time, there was a kind owl named ruby. she was afraid of ",
    "one day, a mouse",
]


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL
    model, tokenizer = Llama.load(folder), bpe.Tokenizer.read(MODEL / "tokenizer.json")
    forms = {
        "lower case": lambda text: text.lower(),
        "lower case, space at the end": lambda text: text.lower().rstrip() + " ",
        "as written": lambda text: text,
    }
    for form, change in forms.items():
        right = 0
        for prompt, answer in facts():
            question = change(prompt)
            expected = answer.lower() if "lower" in form else answer
            found = continue_text(model, tokenizer, question, 24)
            ended = found.ids[-1] in model.config.eos_token_id
            if (question + found.text).replace("  ", " ") == (question + expected).replace("  ", " ") and ended:
                right += 1
            else:
                print(f"  {question!r} gave {found.text!r}, ended {ended}")
        print(f"{form}: {right} of {len(facts())} right")
    for opening in OPENINGS:
        found = continue_text(model, tokenizer, opening, 220)
        print(f"\n{opening}|{found.text} [{len(found.ids)} tokens, smallest gap {min(found.gaps):.4f}]")


if __name__ == "__main__":
    main()
