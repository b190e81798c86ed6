"""The libraries that Llama.Gpu is held against, on the same machine: a JSON line a case, as llama-gpu-bench writes them.

    yardsticks.py kernels DEVICE < bench.jsonl    torch at the shapes that the bench has printed
    yardsticks.py model DEVICE DIR PROMPT TOKENS  transformers on a checkpoint

DEVICE is cuda or cpu. What is not installed, or fails, is a line with a problem.
"""
import json
import re
import sys
import time

SAMPLES = 11
LEAST_SECONDS = 0.004


def report(case, shape, kind, by, seconds=None, **more):
    line = {"case": case, "type": kind, "shape": shape, "by": by}
    if seconds:
        line["median_ms"] = seconds * 1e3
    print(json.dumps({**line, **more}), flush=True)


def attempt(case, shape, kind, by, measure):
    try:
        measure()
    except Exception as error:  # a library's failure is a result of that line, not the end of the run
        report(case, shape, kind, by, problem=f"{type(error).__name__}: {error}".splitlines()[0])


class Clock:
    """Median seconds of a piece of work: several runs in a row, the device's queue empty before and after."""

    def __init__(self, torch, device):
        self.wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def once(self, work, runs=1):
        self.wait()
        began = time.perf_counter()
        for _ in range(runs):
            work()
        self.wait()
        return (time.perf_counter() - began) / runs

    def median(self, work, samples=SAMPLES):
        work()
        runs = min(1000, max(1, int(LEAST_SECONDS / self.once(work))))
        return sorted(self.once(work, runs) for _ in range(samples))[samples // 2]


def copies(torch, device, clock):
    elements = (64 << 20) if device == "cuda" else (8 << 20)
    target = torch.empty(elements, dtype=torch.float32, device=device)

    def within():
        source = torch.rand(elements, device=device)
        seconds = clock.median(lambda: target.copy_(source))
        report("ceiling", "stream copy", "f32", "torch", gb_per_s=8 * elements / seconds / 1e9)

    def link():
        source = torch.rand(elements, pin_memory=device == "cuda")
        seconds = clock.median(lambda: target.copy_(source, non_blocking=True))
        report("ceiling", "host to device", "u8", "torch", gb_per_s=4 * elements / seconds / 1e9)

    attempt("ceiling", "stream copy", "f32", "torch", within)
    attempt("ceiling", "host to device", "u8", "torch", link)


def product(torch, device, clock, case, shape):
    rows, columns, inner = (int(n) for n in re.fullmatch(r"T=(\d+) N=(\d+) K=(\d+)", shape).groups())
    first = torch.rand(rows, inner, device=device).sub_(0.5).bfloat16()
    weight = torch.rand(columns, inner, device=device).sub_(0.5).bfloat16()
    seconds = clock.median(lambda: torch.matmul(first, weight.T))
    report(case, shape, "bf16", "torch", seconds, gflop_per_s=2 * rows * columns * inner / seconds / 1e9)


def attention(torch, device, clock, case, shape):
    tokens, before, heads, shared, width = (
        int(n) for n in re.fullmatch(r"T=(\d+) p=(\d+) heads=(\d+)/(\d+)x(\d+)", shape).groups())

    def values(count, length):
        return torch.rand(1, count, length, width, device=device).sub_(0.5).bfloat16()

    query, key, value = values(heads, tokens), values(shared, before + tokens), values(shared, before + tokens)
    key, value = (each.repeat_interleave(heads // shared, dim=1) for each in (key, value))
    attend = torch.nn.functional.scaled_dot_product_attention
    seconds = clock.median(lambda: attend(query, key, value, is_causal=before == 0))
    report(case, shape, "bf16", "torch", seconds)


def kernels(device):
    try:
        import torch
    except ImportError as error:
        report("MatMul", "all", "bf16", "torch", problem=str(error))
        return
    clock = Clock(torch, device)
    copies(torch, device, clock)
    for line in sys.stdin:
        row = json.loads(line)
        measure = {"MatMul": product, "MatMul of a shared input": product, "Attention": attention}.get(row["case"])
        if measure and row["type"] == "bf16":
            attempt(row["case"], row["shape"], "bf16", "torch", lambda: measure(torch, device, clock, row["case"], row["shape"]))


def model(device, folder, prompt, tokens):
    prefill_shape, decode_shape = f"T={prompt}", f"p={prompt}"

    def measure():
        import torch
        from transformers import AutoModelForCausalLM

        clock = Clock(torch, device)
        llama = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.bfloat16).to(device).eval()
        ids = torch.tensor([[i * 7919 % llama.config.vocab_size for i in range(prompt)]], device=device)
        with torch.inference_mode():
            # the logits of the last token alone, as here
            prefill = clock.median(lambda: llama(ids, use_cache=True, logits_to_keep=1), samples=5)
            report("prefill", prefill_shape, "bf16", "transformers", prefill, tokens_per_second=prompt / prefill)

            def generate(count):
                llama.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                               min_new_tokens=count, max_new_tokens=count, pad_token_id=0)

            generate(2)
            decode = sorted((clock.once(lambda: generate(tokens + 1)) - clock.once(lambda: generate(1))) / tokens for _ in range(3))[1]
            report("decode", decode_shape, "bf16", "transformers", decode, tokens_per_second=1 / decode)

    attempt("decode", decode_shape, "bf16", "transformers", measure)


if __name__ == "__main__":
    if sys.argv[1:2] == ["kernels"] and len(sys.argv) == 3:
        kernels(sys.argv[2])
    elif sys.argv[1:2] == ["model"] and len(sys.argv) == 6:
        model(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        sys.exit(__doc__)
