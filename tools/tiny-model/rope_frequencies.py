"""Writes the rotary frequencies of the published models, in double precision, after Meta's llama-models (apply_scaling in model.py).

    python3 rope_frequencies.py     Llama.Gpu.Tests/Model/Fixtures/rope-frequencies.json
"""

import json
import math
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[2] / "Llama.Gpu.Tests" / "Model" / "Fixtures" / "rope-frequencies.json"
THETA = 500000.0
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192

# name, width of a head, factor by which long waves are stretched
MODELS = [("llama-3-8b", 128, None), ("llama-3.1-8b", 128, 8.0), ("llama-3.2-1b", 64, 32.0), ("llama-3.2-3b", 128, 32.0)]


def scaled(frequency, factor):
    wavelength = 2 * math.pi / frequency
    if wavelength < ORIGINAL / HIGH:
        return frequency
    if wavelength > ORIGINAL / LOW:
        return frequency / factor
    smooth = (ORIGINAL / wavelength - LOW) / (HIGH - LOW)
    return (1 - smooth) * frequency / factor + smooth * frequency


def main():
    found = {}
    for name, head_dim, factor in MODELS:
        plain = [1.0 / THETA ** (i / head_dim) for i in range(0, head_dim, 2)]
        found[name] = plain if factor is None else [scaled(frequency, factor) for frequency in plain]
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
