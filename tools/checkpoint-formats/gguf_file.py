"""The GGUF format, version 3, written out by hand after its description in ggml's docs/gguf.md."""

import struct

import numpy as np
import torch

ALIGNMENT = 32
F32, F16, Q8_0, BF16 = 0, 1, 8, 30
BLOCK = 32

UINT16, UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 2, 4, 6, 7, 8, 9, 5


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(item) -> bytes:
    """A value with its type in front; a list's type is that of its first item."""
    if isinstance(item, bool):
        return struct.pack("<I?", BOOL, item)
    if isinstance(item, np.uint16):
        return struct.pack("<IH", UINT16, item)
    if isinstance(item, np.int32):
        return struct.pack("<Ii", INT32, item)
    if isinstance(item, int):
        return struct.pack("<II", UINT32, item)
    if isinstance(item, float):
        return struct.pack("<If", FLOAT32, item)
    if isinstance(item, str):
        return struct.pack("<I", STRING) + string(item)
    if isinstance(item[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(item)) + b"".join(map(string, item))
    kind, form = (FLOAT32, "f") if isinstance(item[0], float) else (INT32, "i")
    return struct.pack(f"<IIQ{len(item)}{form}", ARRAY, kind, len(item), *item)


def quantize(values: np.ndarray) -> bytes:
    """Q8_0: blocks of 32 values, each the block's scale (float16) times a signed byte."""
    blocks = values.astype(np.float32).reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1) / 127
    inverse = np.where(scales > 0, 1 / np.where(scales > 0, scales, 1), 0)
    quants = np.round(blocks * inverse[:, None]).astype(np.int8)
    return b"".join(scale.tobytes() + quant.tobytes() for scale, quant in zip(scales.astype("<f2"), quants))


def dequantize(data: bytes) -> np.ndarray:
    """What Q8_0 blocks stand for, as float32."""
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("quants", "i1", BLOCK)]))
    return (blocks["scale"].astype(np.float32)[:, None] * blocks["quants"].astype(np.float32)).reshape(-1)


def encode(tensor: torch.Tensor, quantized: bool) -> tuple[int, bytes]:
    """A tensor's type number and its bytes."""
    tensor = tensor.detach().contiguous()
    if quantized and tensor.dim() == 2 and tensor.shape[1] % BLOCK == 0:
        return Q8_0, quantize(tensor.float().numpy())
    if tensor.dtype == torch.bfloat16:
        return BF16, tensor.view(torch.int16).numpy().astype("<i2").tobytes()
    if tensor.dtype == torch.float16:
        return F16, tensor.numpy().astype("<f2").tobytes()
    return F32, tensor.numpy().astype("<f4").tobytes()


def write(path: str, metadata: dict, tensors: dict[str, torch.Tensor], quantized: bool = False) -> None:
    """Writes a file; dimensions are listed innermost first, and each tensor's data is aligned."""
    header, data = b"", b""
    for name, tensor in tensors.items():
        kind, content = encode(tensor, quantized)
        header += string(name) + struct.pack("<I", tensor.dim())
        header += struct.pack(f"<{tensor.dim()}Q", *reversed(tensor.shape)) + struct.pack("<IQ", kind, len(data))
        data += content + b"\0" * (-len(content) % ALIGNMENT)
    start = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    start += b"".join(string(key) + value(item) for key, item in metadata.items()) + header
    with open(path, "wb") as file:
        file.write(start + b"\0" * (-len(start) % ALIGNMENT) + data)
