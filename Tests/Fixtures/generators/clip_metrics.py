"""metrics/: small I3D and LPIPS networks with random weights, and the numbers of PSNR, SSIM, FVD, KVD and the resizes by numpy, PyTorch and Pillow."""
import numpy
import torch
import torch.nn.functional as F
from PIL import Image

from .common import generator, normal, write_json, write_tensors

STEM, MIXED, CLASSES = [4, 4, 6], [3, 2, 4, 2, 3, 2], 7
BLOCKS = ["3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"]
ALEX, VGG = [4, 6, 8, 6, 5], [3, 4, 5, 6, 4]


def wave(shape, factor, function=torch.sin):
    """Numbers that Swift can make too."""
    count = int(numpy.prod(shape))
    return function(torch.arange(count, dtype=torch.float64) * factor).float().reshape(shape)


# ---- I3D: written from the paper's figure 3 and TensorFlow's definition of SAME.


def same(x, kernel, stride, value=0.0):
    amounts = []
    for length, k, s in reversed(list(zip(x.shape[2:], kernel, stride))):
        total = max((-(-length // s) - 1) * s + k - length, 0)
        amounts += [total // 2, total - total // 2]
    return F.pad(x, amounts, value=value)


def pool(x, kernel, stride):
    return F.max_pool3d(same(x, kernel, stride, float("-inf")), kernel, stride)


class I3D:
    def __init__(self):
        self.tensors = {}
        sizes = [("Conv3d_1a_7x7", 3, STEM[0], 7), ("Conv3d_2b_1x1", STEM[0], STEM[1], 1), ("Conv3d_2c_3x3", STEM[1], STEM[2], 3)]
        channels = STEM[2]
        for block in BLOCKS:
            a, b, c, d, e, f = MIXED
            for name, inputs, outputs, kernel in [
                ("b0", channels, a, 1), ("b1a", channels, b, 1), ("b1b", b, c, 3), ("b2a", channels, d, 1), ("b2b", d, e, 3), ("b3b", channels, f, 1),
            ]:
                sizes.append((f"Mixed_{block}.{name}", inputs, outputs, kernel))
            channels = a + c + e + f
        for name, inputs, outputs, kernel in sizes:
            # Statistics that nearly are those of what comes, so that activations stay of one size.
            variance = 0.02 + 0.2 * torch.rand(outputs, generator=generator(f"{name} var"))
            gain = (2 * variance / (inputs * kernel**3)) ** 0.5
            self.tensors[f"{name}.conv3d.weight"] = normal(name, (outputs, inputs, kernel, kernel, kernel)) * gain.view(-1, 1, 1, 1, 1)
            self.tensors[f"{name}.bn.bias"] = 0.3 * normal(f"{name} bias", (outputs,))
            self.tensors[f"{name}.bn.running_mean"] = 0.1 * normal(f"{name} mean", (outputs,))
            self.tensors[f"{name}.bn.running_var"] = variance
        self.tensors["logits.conv3d.weight"] = normal("logits", (CLASSES, channels, 1, 1, 1)) / channels**0.5
        self.tensors["logits.conv3d.bias"] = normal("logits bias", (CLASSES,))

    def unit(self, x, name, stride=(1, 1, 1)):
        weight = self.tensors[f"{name}.conv3d.weight"]
        x = F.conv3d(same(x, weight.shape[2:], stride), weight, stride=stride)
        part = [self.tensors[f"{name}.bn.{key}"] for key in ("running_mean", "running_var", "bias")]
        return F.relu(F.batch_norm(x, part[0], part[1], None, part[2], False, 0.0, 1e-3))

    def __call__(self, x):
        x = pool(self.unit(x, "Conv3d_1a_7x7", (2, 2, 2)), (1, 3, 3), (1, 2, 2))
        x = pool(self.unit(self.unit(x, "Conv3d_2b_1x1"), "Conv3d_2c_3x3"), (1, 3, 3), (1, 2, 2))
        for block in BLOCKS:
            if block == "4b":
                x = pool(x, (3, 3, 3), (2, 2, 2))
            if block == "5b":
                x = pool(x, (2, 2, 2), (2, 2, 2))
            m = f"Mixed_{block}."
            x = torch.cat(
                [
                    self.unit(x, m + "b0"), self.unit(self.unit(x, m + "b1a"), m + "b1b"), self.unit(self.unit(x, m + "b2a"), m + "b2b"),
                    self.unit(pool(x, (3, 3, 3), (1, 1, 1)), m + "b3b"),
                ],
                1,
            )
        x = F.avg_pool3d(x, (2, 7, 7), (1, 1, 1))
        return F.conv3d(x, self.tensors["logits.conv3d.weight"], self.tensors["logits.conv3d.bias"])[..., 0, 0].mean(2)


# ---- LPIPS


class LPIPS:
    def __init__(self, trunk, channels):
        import torch.nn as nn

        layers, inputs, taps = [], 3, []

        def convolution(outputs, *shape):
            nonlocal inputs
            layers.extend([nn.Conv2d(inputs, outputs, *shape), nn.ReLU()])
            inputs = outputs

        if trunk == "alex":
            for index, shape in enumerate([(11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1)]):
                if index in (1, 2):
                    layers.append(nn.MaxPool2d(3, 2))
                convolution(channels[index], *shape)
                taps.append(len(layers) - 1)
        else:
            for index, count in enumerate([2, 2, 3, 3, 3]):
                if index:
                    layers.append(nn.MaxPool2d(2, 2))
                for _ in range(count):
                    convolution(channels[index], 3, 1, 1)
                taps.append(len(layers) - 1)
        self.layers, self.taps, self.tensors = layers, taps, {}
        for index, layer in enumerate(layers):
            for name, parameter in layer.named_parameters():
                gain = 0.2 if name == "bias" else 1.5 / parameter[0].numel() ** 0.5
                parameter.data = normal(f"{trunk}.{index}.{name}", parameter.shape) * gain
                self.tensors[f"features.{index}.{name}"] = parameter.data
        for index, count in enumerate(channels):
            self.tensors[f"lin{index}.model.1.weight"] = torch.rand((1, count, 1, 1), generator=generator(f"{trunk} head {index}"))

    def activations(self, x):
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (x - shift.view(1, 3, 1, 1)) / scale.view(1, 3, 1, 1)
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.taps:
                yield x

    def __call__(self, x, y):
        total = 0
        for index, (a, b) in enumerate(zip(self.activations(x), self.activations(y))):
            a, b = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in (a, b))
            total = total + F.conv2d((a - b).square(), self.tensors[f"lin{index}.model.1.weight"]).mean((1, 2, 3))
        return total


# ---- Pixels


def ssim(x, y):
    """Of [F, 3, H, W] in float64, window by window."""
    taps = numpy.exp(-((numpy.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = numpy.outer(taps, taps) / taps.sum() ** 2
    values = []
    for a, b in zip(x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:])):
        for top in range(a.shape[0] - 10):
            for left in range(a.shape[1] - 10):
                p, q = a[top : top + 11, left : left + 11], b[top : top + 11, left : left + 11]
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq, c = (window * p * p).sum() - mp**2, (window * q * q).sum() - mq**2, (window * p * q).sum() - mp * mq
                values.append((2 * mp * mq + 1e-4) * (2 * c + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return float(numpy.mean(values))


def tensorflow_resize(x, side):
    """TensorFlow 1's resize_bilinear without aligned corners or half pixels, place by place."""
    result = numpy.zeros((*x.shape[:2], side, side))
    height, width = x.shape[2:]
    for i in range(side):
        for j in range(side):
            v, u = i * height / side, j * width / side
            top, left = int(v), int(u)
            bottom, right, dv, du = min(top + 1, height - 1), min(left + 1, width - 1), v - top, u - left
            upper = x[:, :, top, left] * (1 - du) + x[:, :, top, right] * du
            lower = x[:, :, bottom, left] * (1 - du) + x[:, :, bottom, right] * du
            result[:, :, i, j] = upper * (1 - dv) + lower * dv
    return torch.from_numpy(result).float()


def pillow_resize(x, side):
    """Every colour as a floating-point picture, which is neither rounded nor clipped."""
    colours = [Image.fromarray(c.numpy(), mode="F").resize((side, side), Image.Resampling.BICUBIC) for c in x.reshape(-1, *x.shape[2:])]
    return torch.stack([torch.from_numpy(numpy.array(c)) for c in colours]).reshape(*x.shape[:2], side, side)


# ---- Distances of sets


def frechet(a, b, ddof):
    ca, cb = numpy.cov(a, rowvar=False, ddof=ddof), numpy.cov(b, rowvar=False, ddof=ddof)
    roots = numpy.sqrt(numpy.linalg.eigvals(ca @ cb).astype(complex)).real.sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + numpy.trace(ca) + numpy.trace(cb) - 2 * roots)


def discrepancy(a, b):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    m, n = len(a), len(b)
    ka, kb = kernel(a, a), kernel(b, b)
    return float((ka.sum() - numpy.trace(ka)) / (m * (m - 1)) + (kb.sum() - numpy.trace(kb)) / (n * (n - 1)) - 2 * kernel(a, b).mean())


@torch.no_grad()
def make(folder):
    case = {"i3d": {"stem": STEM, "mixed": MIXED, "classes": CLASSES, "wave": 0.0137, "outputs": {}}}
    i3d = I3D()
    write_tensors(folder / "i3d.safetensors", i3d.tensors)
    for frames in (10, 13, 17):
        output = i3d(wave((1, 3, frames, 224, 224), 0.0137))
        case["i3d"]["outputs"][str(frames)] = [round(v, 6) for v in output[0].tolist()]

    for trunk, channels in (("alex", ALEX), ("vgg", VGG)):
        network = LPIPS(trunk, channels)
        write_tensors(folder / f"lpips-{trunk}.safetensors", network.tensors)
        x, y = wave((1, 3, 64, 64), 0.01), wave((1, 3, 64, 64), 0.013, torch.cos)
        case[f"lpips_{trunk}"] = {"channels": channels, "output": network(x, y).item()}

    clip = (torch.rand((3, 3, 20, 17), generator=generator("clip")) * 255).round() / 255
    reference = (clip + 0.1 * normal("noise", clip.shape) * torch.tensor([0.5, 1, 2]).view(3, 1, 1, 1)).clamp(0, 1)
    error = ((clip.double() - reference.double()) ** 2).mean((1, 2, 3))
    case["psnr"] = (20 * torch.log10(1 / error.sqrt())).mean().item()
    case["psnr_of_pooled_error"] = (20 * torch.log10(1 / error.mean().sqrt())).item()
    case["ssim"] = ssim(clip.double().numpy(), reference.double().numpy())
    side = 24
    whole = F.interpolate(clip, size=(side, side), mode="bilinear", align_corners=False)
    tall = -(-20 * side // 17)
    cropped = F.interpolate(clip, size=(tall, side), mode="bilinear", align_corners=False)[:, :, (tall - side) // 2 :][:, :, :side]
    pixels = {"clip": clip, "reference": reference, "whole": whole, "cropped": cropped}
    pixels["tensorflow"] = tensorflow_resize(clip.double().numpy(), side)
    pixels["bicubic"] = pillow_resize(clip, side)

    features = {"a": normal("features a", (40, 12)), "b": 0.7 * normal("features b", (30, 12)) + 0.4, "few": normal("features few", (5, 12)) + 0.2}
    a, b, few = (features[name].double().numpy() for name in ("a", "b", "few"))
    case["frechet"] = [{"pair": [x, y], "ddof": ddof, "value": frechet(p, q, ddof)} for x, y, p, q in (("a", "b", a, b), ("a", "few", a, few)) for ddof in (0, 1)]
    case["kernel"] = [{"pair": ["a", "b"], "value": discrepancy(a[:30], b)}, {"pair": ["a", "few"], "value": discrepancy(a[:5], few)}]
    write_tensors(folder / "pixels.safetensors", pixels)
    write_tensors(folder / "features.safetensors", features)
    write_json(folder / "case.json", case)
