"""Byte-level BPE with Llama 3's pre-tokenizer: training, encoding, and tokenizer.json as Hugging Face has it."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import regex

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
SPECIAL = [
    BEGIN, END, "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
    "<|start_header_id|>", "<|end_header_id|>", "<|reserved_special_token_2|>", "<|eot_id|>",
]


def byte_symbols() -> dict[int, str]:
    """GPT-2's printable character for each byte, in the order of the token ids 0 to 255."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in symbols]
    return symbols | {byte: chr(256 + index) for index, byte in enumerate(others)}


BYTES = byte_symbols()


def symbols_of(text: str) -> str:
    return "".join(BYTES[byte] for byte in text.encode())


def train(text: str, size: int) -> list[tuple[str, str]]:
    """The merges of a vocabulary of `size` tokens, special tokens not counted; equal counts go by spelling."""
    words = Counter(symbols_of(piece) for piece in regex.findall(PATTERN, text))
    splits = [(list(word), count) for word, count in words.items()]
    counts: Counter = Counter()
    places: defaultdict = defaultdict(set)
    for index, (parts, count) in enumerate(splits):
        for pair in zip(parts, parts[1:]):
            counts[pair] += count
            places[pair].add(index)
    merges = []
    while len(merges) < size - len(BYTES):
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        for index in places.pop(best):
            parts, count = splits[index]
            for pair in zip(parts, parts[1:]):
                counts[pair] -= count
            merge_in_place(parts, best)
            for pair in zip(parts, parts[1:]):
                counts[pair] += count
                places[pair].add(index)
        del counts[best]
    return merges


def merge_in_place(parts: list[str], pair: tuple[str, str]) -> None:
    position = 0
    while position < len(parts) - 1:
        if (parts[position], parts[position + 1]) == pair:
            parts[position : position + 2] = [pair[0] + pair[1]]
        position += 1


class Tokenizer:
    def __init__(self, vocabulary: dict[str, int], merges: list[tuple[str, str]], special: dict[str, int]):
        self.vocabulary = vocabulary
        self.special = special
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.pieces = {index: piece for piece, index in vocabulary.items()}
        self.byte_of = {symbol: byte for byte, symbol in BYTES.items()}
        self.cache: dict[str, list[int]] = {}

    @staticmethod
    def read(path: Path) -> "Tokenizer":
        content = json.loads(path.read_text(encoding="utf-8"))
        merges = [tuple(line.split(" ")) for line in content["model"]["merges"]]
        special = {token["content"]: token["id"] for token in content["added_tokens"]}
        return Tokenizer(content["model"]["vocab"], merges, special)

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text; no special token is added or read."""
        return [token for piece in regex.findall(PATTERN, text) for token in self.encode_piece(piece)]

    def encode_piece(self, piece: str) -> list[int]:
        if piece not in self.cache:
            parts = list(symbols_of(piece))
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
                if best not in self.ranks:
                    break
                merge_in_place(parts, best)
            self.cache[piece] = [self.vocabulary[part] for part in parts]
        return self.cache[piece]

    def decode(self, ids: list[int]) -> str:
        symbols = "".join(self.pieces[index] for index in ids if index in self.pieces)
        return bytes(self.byte_of[symbol] for symbol in symbols).decode("utf-8", errors="replace")


def tokenizer_json(merges: list[tuple[str, str]]) -> dict:
    """The content of tokenizer.json: byte symbols, then merges, then special tokens, all in the shape of Llama 3's."""
    vocabulary = {symbol: index for index, symbol in enumerate(BYTES.values())}
    for first, second in merges:
        vocabulary[first + second] = len(vocabulary)
    special = {content: len(vocabulary) + index for index, content in enumerate(SPECIAL)}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}

    def template(name: str, type_id: int) -> list[dict]:
        return [
            {"SpecialToken": {"id": BEGIN, "type_id": type_id}},
            {"Sequence": {"id": name, "type_id": type_id}},
        ]

    def byte_level(add_prefix_space: bool, trim_offsets: bool, use_regex: bool) -> dict:
        return {
            "type": "ByteLevel",
            "add_prefix_space": add_prefix_space,
            "trim_offsets": trim_offsets,
            "use_regex": use_regex,
        }

    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": content, **flags} for content, index in special.items()],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
                byte_level(False, True, False),
            ],
        },
        "post_processor": {
            "type": "Sequence",
            "processors": [
                byte_level(True, False, True),
                {
                    "type": "TemplateProcessing",
                    "single": template("A", 0),
                    "pair": template("A", 0) + template("B", 1),
                    "special_tokens": {BEGIN: {"id": BEGIN, "ids": [special[BEGIN]], "tokens": [BEGIN]}},
                },
            ],
        },
        "decoder": byte_level(True, True, True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": vocabulary,
            "merges": [f"{first} {second}" for first, second in merges],
        },
    }
