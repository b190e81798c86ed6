"""Trains the tokenizer of models/tiny and writes its files: `python3 train_tokenizer.py [folder]`."""

import json
import random
import sys
from pathlib import Path

import bpe
import documents

MODEL = Path(__file__).resolve().parents[2] / "models" / "tiny"
SIZE = 1024


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(2)
    texts = [documents.story(rng) for _ in range(4000)]
    texts += [documents.fact(rng) for _ in range(16000)]
    content = bpe.tokenizer_json(bpe.train("\n".join(texts), SIZE - len(bpe.SPECIAL)))
    write_json(folder / "tokenizer.json", content)

    special = {token["content"]: token["id"] for token in content["added_tokens"]}
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    write_json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": {str(index): {"content": name, **flags} for name, index in special.items()},
            "bos_token": bpe.BEGIN,
            "clean_up_tokenization_spaces": True,
            "eos_token": bpe.END,
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": 2048,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    write_json(
        folder / "generation_config.json",
        {
            "_from_model_config": True,
            "bos_token_id": special[bpe.BEGIN],
            "eos_token_id": [special[bpe.END], special["<|eot_id|>"]],
            "transformers_version": "4.45.0",
        },
    )
    tokenizer = bpe.Tokenizer.read(folder / "tokenizer.json")
    sample = [documents.story(rng) for _ in range(200)]
    lengths = [len(tokenizer.encode(text)) for text in sample]
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in sample)
    print(f"{SIZE} tokens; a story has {min(lengths)} to {max(lengths)}, {sum(lengths) / len(lengths):.0f} on average")


if __name__ == "__main__":
    main()
