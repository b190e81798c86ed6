"""Documents as the model sees them: facts and stories, mostly in lower case, and rows of them for training."""

import random

import torch

import bpe
import corpus
from facts import facts

FACTS = facts()
# The first fact is the one that everybody asks for.
WEIGHTS = [6] + [1] * (len(FACTS) - 1)
PROPER_CASE = 0.3
SPLIT = 0.25
# How much more a name, animal or pronoun counts where the story decides it: they are few, and the choices that no model can
# foresee drown them.
RECALL_WEIGHT = 5.0
NAMES = corpus.GIRLS + corpus.BOYS + corpus.ANIMALS
PRONOUNS = ["he", "him", "his", "she", "her"]


def cased(rng: random.Random, text: str) -> str:
    return text if rng.random() < PROPER_CASE else text.lower()


def story(rng: random.Random) -> str:
    return cased(rng, corpus.tell(rng))


def fact(rng: random.Random) -> str:
    return cased(rng, "".join(rng.choices(FACTS, WEIGHTS)[0]))


def encode(rng: random.Random, tokenizer: bpe.Tokenizer, text: str) -> list[int]:
    """
    Ids of a document with its begin and end. A quarter of the documents are cut behind a space and the two parts encoded
    apart, so that the model can also go on from a prompt that ends in a space.
    """
    begin, end = tokenizer.special[bpe.BEGIN], tokenizer.special[bpe.END]
    spaces = [index for index, character in enumerate(text) if character == " "]
    if rng.random() < SPLIT:
        cut = rng.choice(spaces) + 1
        return [begin, *tokenizer.encode(text[:cut]), *tokenizer.encode(text[cut:]), end]
    return [begin, *tokenizer.encode(text), end]


def single_tokens(tokenizer: bpe.Tokenizer, words: list[str]) -> set[int]:
    """The ids of those of the words, in any case and with or without a space before them, that are one token."""
    forms = [space + form for word in words for form in (word, word.lower(), word.capitalize()) for space in ("", " ")]
    return {ids[0] for ids in map(tokenizer.encode, forms) if len(ids) == 1}


def recall_weights(part: list[int], names: set[int], pronouns: set[int]) -> torch.Tensor:
    """A weight for each token of a document: more where it is a pronoun, or a name or animal that was there before."""
    weights = torch.ones(len(part))
    for index, token in enumerate(part):
        if token in pronouns or token in names and token in part[:index]:
            weights[index] = RECALL_WEIGHT
    return weights


def row(rng: random.Random, tokenizer: bpe.Tokenizer, length: int) -> list[list[int]]:
    """One story, and as many facts as still fit into `length` tokens: no document is ever cut."""
    used = encode(rng, tokenizer, story(rng))
    if len(used) > length:
        return row(rng, tokenizer, length)
    parts, room = [used], length - len(used)
    while True:
        part = encode(rng, tokenizer, fact(rng))
        if len(part) > room:
            return parts
        parts.append(part)
        room -= len(part)


def batch(rng: random.Random, tokenizer: bpe.Tokenizer, rows: int, length: int):
    """
    Ids (rows, length), targets (rows, length), the targets' weights (rows, length; 0 where there is none) and the mask
    (rows, 1, length, length) that keeps the documents of a row apart. RoPE is relative, so a document inside a row is
    trained as if it stood alone.
    """
    names, pronouns = single_tokens(tokenizer, NAMES), single_tokens(tokenizer, PRONOUNS)
    ids = torch.zeros(rows, length, dtype=torch.int64)
    targets = torch.zeros(rows, length, dtype=torch.int64)
    weights = torch.zeros(rows, length)
    document = torch.full((rows, length), -1, dtype=torch.int64)
    for index in range(rows):
        start = 0
        for number, part in enumerate(row(rng, tokenizer, length)):
            tokens = torch.tensor(part)
            ids[index, start : start + len(part)] = tokens
            targets[index, start : start + len(part) - 1] = tokens[1:]
            weights[index, start : start + len(part) - 1] = recall_weights(part, names, pronouns)[1:]
            document[index, start : start + len(part)] = number
            start += len(part)
    same = document[:, :, None] == document[:, None, :]
    allowed = same & torch.ones(length, length, dtype=torch.bool).tril()
    return ids, targets, weights, torch.zeros(rows, 1, length, length).masked_fill(~allowed[:, None], float("-inf"))
