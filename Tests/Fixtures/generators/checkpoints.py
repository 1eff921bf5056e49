"""checkpoints/: files of `torch.save`, in the zip form and the older one, and what `torch.load` reads from them."""
import struct
import zipfile

import torch

from safetensors.torch import save_file

from .common import normal

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


def network():
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    for name, value in network.state_dict().items():
        if value.dtype == torch.float32:
            value.copy_(normal(f"checkpoint {name}", value.shape))
    return network


def mixed():
    table = torch.arange(24.0).reshape(4, 6)
    kinds = {str(dtype).split(".")[1]: (torch.arange(6).reshape(2, 3) % 2).to(dtype) for dtype in DTYPES}
    return {
        "table": table, "turned": table.t(), "part": table[1:3, 2:4], "list": [torch.ones(2), {"deep": torch.zeros(1)}],
        "parameter": torch.nn.Parameter(torch.ones(3)), "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), **kinds, 7: torch.ones(1),
        "tuple": (torch.ones(1), 5), "text": "hello", "number": 0.5, "none": None, "true": True, "negative": -5, "long": 2**40,
    }


def flat(value, path=""):
    if isinstance(value, torch.Tensor):
        yield path, value.detach().contiguous()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from flat(inner, f"{path}.{index}" if path else str(index))


def python2(tensors):
    """As Python 2 wrote it: texts by SHORT_BINSTRING, the dictionary made by one call with a list of lists, and what is remembered counted from 1."""
    def text(value):
        return b"U" + bytes([len(value)]) + value.encode()

    def number(value):
        return b"\x8a\x08" + struct.pack("<q", value)

    def tensor(key, value):
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cuda:0") + number(value.numel()) + b"NtQ"
        shape, stride = (b"(" + b"".join(number(n) for n in numbers) + b"t" for numbers in (value.shape, value.stride()))
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + stride + b"\x89NtR"

    def pairs(entries):
        return b"ccollections\nOrderedDict\nq\x01]q\x02(" + b"".join(b"](" + text(name) + value + b"e" for name, value in entries) + b"e\x85R"

    keys = {name: str(94000 + index) for index, name in enumerate(tensors)}
    meta = b"}(" + text("_metadata") + pairs([("", b"}" + text("version") + b"K\x01s")]) + b"ub"
    body = pairs([(name, tensor(keys[name], value)) for name, value in tensors.items()]) + meta
    head = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + b"\x80\x02M\xe9\x03."
    machine = b"\x80\x02}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + b"\x88u."
    list_ = b"\x80\x02](" + b"".join(text(key) for key in keys.values()) + b"e."
    data = b"".join(struct.pack("<q", value.numel()) + value.numpy().tobytes() for value in tensors.values())
    return head + machine + b"\x80\x02" + body + b"." + list_ + data


class Call:
    def __reduce__(self):
        return print, ("executed",)


def make(folder):
    state = network().state_dict()
    contents = {"state": state, "mixed": mixed(), "training": {"epoch": 3, "state_dict": state, "optimizer": {"state": [torch.ones(1)]}}}
    for name, value in contents.items():
        torch.save(value, folder / f"{name}.pt")
        torch.save(value, folder / f"{name}-legacy.pt", _use_new_zipfile_serialization=False)
        save_file({key: tensor.clone() for key, tensor in flat(state if name == "training" else value)}, folder / f"{name}.safetensors")
    old = {"lin0.model.1.weight": normal("old 0", (1, 4, 1, 1)), "lin1.model.1.weight": normal("old 1", (1, 6, 1, 1))}
    (folder / "python2.pth").write_bytes(python2(old))
    loaded = torch.load(folder / "python2.pth", map_location="cpu", weights_only=True)
    assert all(torch.equal(loaded[name], value) for name, value in old.items())
    save_file(old, folder / "python2.safetensors")
    # Refused.
    torch.save({"a": torch.ones(1), "b": Call()}, folder / "call.pt")
    torch.save(network(), folder / "module.pt")
    torch.jit.script(network()).save(str(folder / "script.pt"))
    with zipfile.ZipFile(folder / "compressed.pt", "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(folder / "state.pt") as whole:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name))
