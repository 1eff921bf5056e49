"""tensor_files/: safetensors files by the reference writer, in every element type, and one by hand that is legal but misaligned."""
import json
import struct

import torch
from safetensors.torch import load, save_file

TYPES = {
    "bool": torch.bool, "uint8": torch.uint8, "int8": torch.int8, "int16": torch.int16, "int32": torch.int32, "int64": torch.int64,
    "uint16": torch.uint16, "uint32": torch.uint32, "uint64": torch.uint64, "float16": torch.float16, "bfloat16": torch.bfloat16,
    "float32": torch.float32, "float64": torch.float64, "float8e5m2": torch.float8_e5m2, "float8e4m3": torch.float8_e4m3fn,
}


def make(folder):
    tensors = {}
    for name, dtype in TYPES.items():
        values = torch.tensor([[1, 0, 1], [0, 0, 1]]) if dtype == torch.bool else torch.arange(6).reshape(2, 3)
        if dtype.is_floating_point or dtype in (torch.int8, torch.int16, torch.int32, torch.int64):
            values = -values
        tensors[name] = values.to(dtype)
    tensors |= {"none [0, 4]": torch.zeros(0, 4), "scalar": torch.tensor(0.5), "é \"quoted\" \\ 🌿\t": torch.tensor([1.5])}
    save_file(tensors, folder / "every_dtype.safetensors", metadata={"format": "pt \u0001\n"})

    header = json.dumps({
        "bytes": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "numbers": {"dtype": "F32", "shape": [2], "data_offsets": [3, 11]},
    }).encode()
    misaligned = struct.pack("<Q", len(header)) + header + bytes([7, 8, 9]) + struct.pack("<2f", 0.25, -3)
    assert load(misaligned)["numbers"].tolist() == [0.25, -3]
    (folder / "misaligned.safetensors").write_bytes(misaligned)
