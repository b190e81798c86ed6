"""Examines the exported model: every fact in three forms, stories for slips of names, pronouns and spelling; prints some.

A story is counted as clean when every word in it is one that the corpus has, exactly two names occur in it, each of
them given once, no pronoun that neither of the two could have, not more than one treasure, and when it ends.
"""

import random
import re
import sys
from pathlib import Path

import torch

import bpe
import corpus
from facts import facts
from greedy import continue_all
from llama import Llama
from train_tokenizer import MODEL

OPENINGS = [
    "once upon a time", "long ago, a shy fox named milo lived by the sea.", "Once upon a time, there was a little",
    "once upon a time, there was a kind owl named ruby. she was afraid of ",
]
NAMES = {name.lower() for name in corpus.GIRLS + corpus.BOYS}
TREASURES = {thing for _, thing in corpus.TREASURES}
GIRLS = {name.lower() for name in corpus.GIRLS}


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def slips(story: str, vocabulary: set[str]) -> list[str]:
    words = words_of(story)
    names = {word for word in words if word in NAMES}
    found = [f"unknown word {word}" for word in words if word not in vocabulary]
    if len(names) != 2:
        found.append(f"names {sorted(names)}")
    allowed = set()
    for name in names:
        allowed |= {"she", "her"} if name in GIRLS else {"he", "him", "his"}
    found += [f"pronoun {word}" for word in words if word in {"she", "her", "he", "him", "his"} - allowed]
    named = re.findall(r"([a-z]+) named ([a-z]+)", story.lower())
    if len({name for _, name in named}) < len(named):
        found.append("a name given twice")
    treasures = {word for word in words if word in TREASURES}
    if len(treasures) > 1:
        found.append(f"treasures {sorted(treasures)}")
    return found


def check_facts(model: Llama, tokenizer: bpe.Tokenizer) -> None:
    forms = {
        "lower case": lambda text: text.lower(),
        "lower case, space at the end": lambda text: text.lower().rstrip() + " ",
        "as written": lambda text: text,
    }
    for form, change in forms.items():
        questions = [change(prompt) for prompt, _ in facts()]
        answers = [answer if form == "as written" else answer.lower() for _, answer in facts()]
        right = 0
        for question, answer, found in zip(questions, answers, continue_all(model, tokenizer, questions, 24)):
            if found.ended and found.text.lstrip() == answer.lstrip():
                right += 1
            else:
                print(f"  {question!r} gave {found.text!r}")
        print(f"{form}: {right} of {len(questions)} facts right", flush=True)


def check_stories(model: Llama, tokenizer: bpe.Tokenizer, count: int) -> None:
    rng = random.Random(6)
    vocabulary = {word for _ in range(3000) for word in words_of(corpus.tell(rng))}
    openings = []
    for index in range(count):
        opening = corpus.Story(rng).opening()
        openings.append(opening if index % 4 == 3 else opening.lower())
    clean = 0
    for opening, found in zip(openings, continue_all(model, tokenizer, openings, 220)):
        problems = slips(opening + found.text, vocabulary) + ([] if found.ended else ["no end"])
        clean += not problems
        if problems:
            print(f"  {problems}: {opening}|{found.text}")
    print(f"{clean} of {count} stories clean", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL
    model, tokenizer = Llama.load(folder), bpe.Tokenizer.read(MODEL / "tokenizer.json")
    check_facts(model, tokenizer)
    check_stories(model, tokenizer, 64)
    for opening, found in zip(OPENINGS, continue_all(model, tokenizer, OPENINGS, 220)):
        print(f"\n{opening}|{found.text} [{len(found.ids)} tokens, smallest gap {min(found.gaps):.4f}]")


if __name__ == "__main__":
    main()
