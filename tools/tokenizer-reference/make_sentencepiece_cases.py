#!/usr/bin/env python3
"""Writes the SentencePiece fixtures under Llama.Gpu.Tests/Tokenization/Fixtures with Google's library (Debian's python3-sentencepiece).

    make_sentencepiece_cases.py llama2 PATH/TO/tokenizer.model    llama2-cases.jsonl: ids by Llama 2's own vocabulary, and
                                                                  llama2-chat-cases.jsonl: conversations by the same
    make_sentencepiece_cases.py small                             small-spm/: a model trained on small_corpus.txt as Llama's was,
                                                                  the same as tokenizer.json, and its cases
"""

import io
import json
import pathlib
import random
import sys

import sentencepiece

import case_texts

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Llama.Gpu.Tests" / "Tokenization" / "Fixtures"
SMALL_SIZE = 420


def texts():
    """The texts of all tokenizers, and as many more at random as make a thousand."""
    found = dict.fromkeys(case_texts.all_texts())
    rng = random.Random(43)
    parts = [" ", "  ", "the", " the", "answer", "\n", "\t", "e\u0301", "\u00e9", "\u4e2d", "\U00020000", "\U0001F468\u200d\U0001F469", "42", "\u0661",
             "<s>", "</s>", "<0x41>", "<unk>", "[INST]", "?", ".", "\u0000", "\u00ad", "\u0e01", "\u05d0", "\u0627", "\u0915\u093f", "\ud55c", "\u00df", "_"]
    while len(found) < 1050:
        found["".join(rng.choice(parts) for _ in range(rng.randint(1, 12)))] = None
    return list(found)


def write_cases(path, processor):
    with open(path, "w", encoding="ascii", newline="\n") as out:
        for text in texts():
            out.write(json.dumps({"text": text, "ids": processor.encode(text)}, separators=(",", ":")) + "\n")


def conversations():
    """Conversations as lists of (role, text): with and without a system's message, one turn and several, texts that need trimming."""
    user, assistant, system = "user", "assistant", "system"
    polite = "You are a helpful, respectful and honest assistant.\nAlways answer as helpfully as possible."
    answer = "The answer is 42."
    yield [(user, "Hello World!")]
    yield [(system, polite), (user, "Hello World!")]
    yield [(user, "Hello World!"), (assistant, answer), (user, "Why?")]
    yield [(system, polite), (user, "Hello World!"), (assistant, answer), (user, "Why?"), (assistant, "Nobody knows.\n\n1. a\n2. b"), (user, "Thanks")]
    yield [(user, "  \n spaces around \t\n"), (assistant, "  and here  "), (user, "\n")]
    yield [(system, " a system's message keeps its spaces "), (user, " while the question is at its beginning not ")]
    for text in case_texts.all_texts()[1:200:7]:
        yield [(user, text)]
        yield [(system, text), (user, text), (assistant, text), (user, text)]


def encode_chat(processor, messages):
    """As chat_completion of Meta's llama/generation.py: each pair by itself, between the tokens that begin and end a text."""
    texts = [text for role, text in messages if role != "system"]
    if messages[0][0] == "system":
        texts[0] = "<<SYS>>\n" + messages[0][1] + "\n<</SYS>>\n\n" + texts[0]
    ids = []
    for question, answer in zip(texts[::2], texts[1::2]):
        text = f"[INST] {question.strip()} [/INST] {answer.strip()} "
        ids += [processor.bos_id(), *processor.encode(text), processor.eos_id()]
    return ids + [processor.bos_id(), *processor.encode(f"[INST] {texts[-1].strip()} [/INST]")]


def write_chat_cases(path, processor):
    with open(path, "w", encoding="ascii", newline="\n") as out:
        for messages in conversations():
            if not any(mark in text for _, text in messages for mark in ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")):
                case = {"messages": [{"role": role, "text": text} for role, text in messages], "ids": encode_chat(processor, messages)}
                out.write(json.dumps(case, separators=(",", ":")) + "\n")


def merges_of(pieces, scores):
    """The pairs that become each piece, the highest score first, as Hugging Face's converter lists them."""
    ids = {piece: i for i, piece in enumerate(pieces)}
    found = []
    for piece, score in zip(pieces, scores):
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in ids and piece[i:] in ids]
        found += [(score, pair) for pair in sorted(pairs, key=lambda pair: (ids[pair[0]], ids[pair[1]]))]
    return [" ".join(pair) for _, pair in sorted(found, key=lambda item: -item[0])]


def hugging_face_json(processor):
    count = processor.get_piece_size()
    pieces = [processor.id_to_piece(i) for i in range(count)]
    text = [i for i in range(count) if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))]
    added = [{"id": i, "content": pieces[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i in range(3)]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
                           "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "vocab": {piece: i for i, piece in enumerate(pieces)},
                  "merges": merges_of([pieces[i] for i in text], [processor.get_score(i) for i in text])},
    }


def make_small():
    folder = FIXTURES / "small-spm"
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter((HERE / "small_corpus.txt").read_text(encoding="utf-8").splitlines()), model_writer=model, model_type="bpe",
        vocab_size=SMALL_SIZE, byte_fallback=True, split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True, character_coverage=0.99, user_defined_symbols=["\n\n", "[INST]"], num_threads=1)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    (folder / "tokenizer.json").write_text(json.dumps(hugging_face_json(processor), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    write_cases(FIXTURES / "small-spm-cases.jsonl", processor)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["small"]:
            make_small()
        case ["llama2", path]:
            llama2 = sentencepiece.SentencePieceProcessor(model_file=path)
            write_cases(FIXTURES / "llama2-cases.jsonl", llama2)
            write_chat_cases(FIXTURES / "llama2-chat-cases.jsonl", llama2)
        case _:
            raise SystemExit(__doc__)
