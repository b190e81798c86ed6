"""The safetensors format, written out by hand: 8 bytes of header length, a JSON header, the tensors' bytes."""

import json
import struct

import numpy as np
import torch


def to_bytes(tensor: torch.Tensor) -> tuple[str, bytes]:
    """Name of the tensor's type in the format, and its little-endian bytes."""
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        return "BF16", tensor.view(torch.int16).numpy().astype("<i2").tobytes()
    if tensor.dtype == torch.float16:
        return "F16", tensor.numpy().astype("<f2").tobytes()
    if tensor.dtype == torch.float32:
        return "F32", tensor.numpy().astype("<f4").tobytes()
    raise ValueError(f"no safetensors type for {tensor.dtype}")


def write(path: str, tensors: dict[str, torch.Tensor]) -> None:
    """Writes the tensors in the order of their names, the data aligned to 8 bytes."""
    header: dict = {"__metadata__": {"format": "pt"}}
    parts: list[bytes] = []
    offset = 0
    for name in sorted(tensors):
        kind, data = to_bytes(tensors[name])
        header[name] = {
            "dtype": kind,
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(data)],
        }
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for part in parts:
            file.write(part)


def read(path: str) -> dict[str, torch.Tensor]:
    """Reads every tensor, in the type that the file has it in."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + position for position in entry["data_offsets"])
        data = content[start:end]
        if entry["dtype"] == "BF16":
            tensor = torch.from_numpy(np.frombuffer(data, "<i2").copy()).view(torch.bfloat16)
        else:
            tensor = torch.from_numpy(np.frombuffer(data, {"F16": "<f2", "F32": "<f4"}[entry["dtype"]]).copy())
        tensors[name] = tensor.view(entry["shape"])
    return tensors
