#!/usr/bin/env python3
"""Writes the tokenizer fixtures under Llama.Gpu.Tests/Tokenization/Fixtures, by means that share nothing with the library.

Splitting is done by Python's `regex` module with the pattern as published, merging by the plainest loop there is
(quadratic, over byte strings). Needs Debian's python3-regex.

    make_cases.py llama3 PATH/TO/tokenizer.model    llama3-cases.jsonl: ids by Llama 3's own vocabulary
    make_cases.py small                             small/: a vocabulary trained on small_corpus.txt, in both formats, and its cases
"""

import base64
import json
import pathlib
import sys
from collections import Counter

import regex

import case_texts

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Llama.Gpu.Tests" / "Tokenization" / "Fixtures"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPECIAL_COUNT = 256
SMALL_SIZE = 512


def special_names():
    named = {0: "<|begin_of_text|>", 1: "<|end_of_text|>", 4: "<|finetune_right_pad_id|>", 6: "<|start_header_id|>",
             7: "<|end_header_id|>", 8: "<|eom_id|>", 9: "<|eot_id|>", 10: "<|python_tag|>"}
    reserved = (f"<|reserved_special_token_{i}|>" for i in range(SPECIAL_COUNT))
    return [named[i] if i in named else next(reserved) for i in range(SPECIAL_COUNT)]


def merge_by_rank(ranks, piece):
    """tiktoken's rule: a piece that is a token is that token, else merge the adjacent pair of lowest rank until none is left."""
    if piece in ranks:
        return [ranks[piece]]
    parts = [piece[i:i + 1] for i in range(len(piece))]
    while True:
        best = min(((ranks.get(a + b), i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in ranks), default=None)
        if best is None:
            return [ranks[p] for p in parts]
        i = best[1]
        parts[i:i + 2] = [parts[i] + parts[i + 1]]


def merge_by_order(ids, order, piece):
    """Hugging Face's rule without ignore_merges: only the listed pairs merge, the earliest listed first."""
    parts = [piece[i:i + 1] for i in range(len(piece))]
    while True:
        best = min(((order[p], i) for i, p in enumerate(zip(parts, parts[1:])) if p in order), default=None)
        if best is None:
            return [ids[p] for p in parts]
        i = best[1]
        parts[i:i + 2] = [parts[i] + parts[i + 1]]


def encode(merge, pattern, text):
    return [i for piece in regex.findall(pattern, text) for i in merge(piece.encode("utf-8"))]


def encode_special(merge, pattern, specials, text):
    ids = []
    for part in regex.split("(" + "|".join(map(regex.escape, specials)) + ")", text):
        ids += [specials[part]] if part in specials else encode(merge, pattern, part)
    return ids


def write_cases(path, merge, pattern, first_special):
    specials = {name: first_special + i for i, name in enumerate(special_names())}
    with open(path, "w", encoding="ascii", newline="\n") as out:
        for text in case_texts.a_thousand_texts():
            out.write(json.dumps({"text": text, "ids": encode(merge, pattern, text)}, separators=(",", ":")) + "\n")
        for text in case_texts.SPECIAL_TEXTS:
            out.write(json.dumps({"text": text, "special": True, "ids": encode_special(merge, pattern, specials, text)},
                                 separators=(",", ":")) + "\n")


def byte_letters():
    """GPT-2's printable stand-in for each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {b: chr(b) for b in plain}
    for i, b in enumerate(b for b in range(256) if b not in letters):
        letters[b] = chr(256 + i)
    return letters


def train(corpus, pattern, size):
    """Plain BPE: join the commonest adjacent pair, again and again. Returns tokens in order of id, and the merges."""
    words = Counter(tuple(bytes([b]) for b in w.encode("utf-8")) for w in regex.findall(pattern, corpus))
    tokens = [bytes([b]) for b in byte_letters()]
    merges = []
    while len(tokens) < size:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        tokens.append(best[0] + best[1])
        joined = Counter()
        for word, count in words.items():
            parts, i = [], 0
            while i < len(word):
                step = 2 if word[i:i + 2] == best else 1
                parts.append(b"".join(word[i:i + step]))
                i += step
            joined[tuple(parts)] += count
        words = joined
    return tokens, merges


def hugging_face_json(tokens, merges):
    letters = byte_letters()
    spell = lambda token: "".join(letters[b] for b in token)
    begin = special_names()[0]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": len(tokens) + i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, name in enumerate(special_names()[:12])],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": {"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                      {"SpecialToken": {"id": begin, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {begin: {"id": begin, "ids": [len(tokens)], "tokens": [begin]}}}]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": {spell(t): i for i, t in enumerate(tokens)},
                  "merges": [spell(a) + " " + spell(b) for a, b in merges]},
    }


def make_small():
    folder = FIXTURES / "small"
    folder.mkdir(parents=True, exist_ok=True)
    tokens, merges = train((HERE / "small_corpus.txt").read_text(encoding="utf-8"), LLAMA3, SMALL_SIZE)
    ranks = {t: i for i, t in enumerate(tokens)}
    order = {pair: i for i, pair in enumerate(merges)}
    (folder / "tokenizer.model").write_text("".join(f"{base64.b64encode(t).decode()} {i}\n" for t, i in ranks.items()), encoding="ascii")
    (folder / "tokenizer.json").write_text(json.dumps(hugging_face_json(tokens, merges), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    by_rank, by_order = (lambda p: merge_by_rank(ranks, p)), (lambda p: merge_by_order(ranks, order, p))
    for text in case_texts.all_texts():
        if encode(by_rank, LLAMA3, text) != encode(by_order, LLAMA3, text):
            raise SystemExit(f"the two rules differ on {text!r}")
    write_cases(FIXTURES / "small-cases.jsonl", by_rank, LLAMA3, len(tokens))
    write_cases(FIXTURES / "small-gpt2-cases.jsonl", by_order, GPT2, len(tokens))


def make_llama3(path):
    with open(path, "rb") as lines:
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line.strip())}
    write_cases(FIXTURES / "llama3-cases.jsonl", lambda p: merge_by_rank(ranks, p), LLAMA3, len(ranks))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["small"]:
            make_small()
        case ["llama3", path]:
            make_llama3(path)
        case _:
            raise SystemExit(__doc__)
