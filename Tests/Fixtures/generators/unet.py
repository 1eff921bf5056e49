"""unet/: UNet2DConditionModel."""
import contextlib
import copy

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.activations import GEGLU

from .common import largest_difference, loud, normal, options, parameters, relative, spread, write_json, write_tensors

CROSS, PLAIN = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"), ("DownBlock2D", "UpBlock2D")


def blocks(*kinds):
    return dict(down_block_types=tuple(kind[0] for kind in kinds), up_block_types=tuple(kind[1] for kind in reversed(kinds)))


SD1 = dict(**blocks(CROSS, PLAIN), block_out_channels=(8, 12), layers_per_block=1, attention_head_dim=2, cross_attention_dim=12, norm_num_groups=4, sample_size=16)
SD2 = dict(**blocks(CROSS, CROSS, PLAIN), block_out_channels=(8, 8, 8), layers_per_block=1, attention_head_dim=(1, 2, 4), cross_attention_dim=12, norm_num_groups=4, use_linear_projection=True, sample_size=16)
PLAIN_ONLY = dict(**blocks(PLAIN, PLAIN), block_out_channels=(6, 9), layers_per_block=2, norm_num_groups=3, mid_block_type="UNetMidBlock2D", cross_attention_dim=12, sample_size=16)
DEEP = dict(**blocks(CROSS, PLAIN), block_out_channels=(6, 6), layers_per_block=2, transformer_layers_per_block=2, attention_head_dim=3, cross_attention_dim=12, norm_num_groups=2, sample_size=16)
LISTS = dict(**blocks(PLAIN, CROSS), block_out_channels=(6, 6), layers_per_block=(1, 2), transformer_layers_per_block=(1, 2), attention_head_dim=(2, 3), cross_attention_dim=12, norm_num_groups=3, only_cross_attention=(False, True), in_channels=3, out_channels=5, sample_size=(9, 12))

# name: (weights of which case, configuration, sample sides, what it is for)
CASES = {
    "sd1": ("sd1", SD1, (12, 20), "Stable Diffusion 1.x in small: convolution projection, attention_head_dim is the NUMBER of heads"),
    "sd1_odd_size": ("sd1", SD1, (9, 7), "sides that do not halve: the upsampler is given the skip's size"),
    "sd1_time": ("sd1", {**SD1, "flip_sin_to_cos": False, "freq_shift": 1}, (6, 8), "time embedding: sine first, frequency shift 1"),
    "sd1_centered": ("sd1", {**SD1, "center_input_sample": True}, (6, 8), "sample becomes 2 * sample - 1"),
    "sd1_options": ("sd1", {**SD1, "norm_eps": 1e-2, "act_fn": "gelu", "mid_block_scale_factor": 1.5, "upcast_attention": True}, (6, 8), "norm_eps and act_fn (of resnets, time embedding and output, not of attention), mid_block_scale_factor, upcast_attention"),
    "sd1_downsample_padding0": ("sd1", {**SD1, "downsample_padding": 0}, (6, 8), "downsampling pads right and below only"),
    "sd2": ("sd2", SD2, (10, 6), "Stable Diffusion 2.x in small: linear projection, attention_head_dim a list; sides 10 x 6 over three levels give the upsamplers sizes"),
    "sd2_even_size": ("sd2", SD2, (12, 20), "the same weights where every side halves"),
    "plain": ("plain", PLAIN_ONLY, (6, 8), "no attention anywhere; layers_per_block 2; encoder_hidden_states is ignored"),
    "plain_scale_shift": ("plain_scale_shift", {**PLAIN_ONLY, "mid_block_type": None, "layers_per_block": 1, "resnet_time_scale_shift": "scale_shift"}, (6, 8), "no middle block; resnet_time_scale_shift scale_shift"),
    "deep": ("deep", DEEP, (6, 8), "layers_per_block 2, transformer_layers_per_block 2"),
    "lists": ("lists", LISTS, (9, 12), "layers_per_block, transformer_layers_per_block and only_cross_attention as lists, three groups, 3 channels in and 5 out"),
}
SEEDS = {name: i + 1 for i, name in enumerate(["sd1", "sd2", "plain", "plain_scale_shift", "deep", "lists"])}
# So that exact gelu and its tanh approximation differ in the output; in the two deepest they differ anyhow.
LOUDER = {"ff.net.0.proj": 2, "ff.net.2": 6}
TIMESTEPS = torch.tensor([7, 731])
GRADIENTS_OF = ["conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"]


@contextlib.contextmanager
def tanh_gelu():
    """The feed-forward's gelu replaced by its tanh approximation."""
    exact = GEGLU.gelu
    GEGLU.gelu = lambda self, gate: F.gelu(gate, approximate="tanh")
    try:
        yield
    finally:
        GEGLU.gelu = exact


def run(unet, inputs):
    with torch.no_grad():
        return unet(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"]).sample


def variant(unet, inputs, **changes):
    other = UNet2DConditionModel(**{**options(unet), **changes}).eval()
    other.load_state_dict(unet.state_dict())
    return run(other, inputs)


def wrong_details(unet, inputs, output):
    """Largest change of the output when one thing is wrong; far above 1e-4, or the case could not show it."""
    c = unet.config
    found = {
        "flip_sin_to_cos negated": variant(unet, inputs, flip_sin_to_cos=not c.flip_sin_to_cos),
        "freq_shift changed": variant(unet, inputs, freq_shift=1 - c.freq_shift),
        "norm_eps changed": variant(unet, inputs, norm_eps=1e-3),
        "norm_num_groups 1": variant(unet, inputs, norm_num_groups=1),
    }
    if "CrossAttnDownBlock2D" in c.down_block_types:
        one = [1] * len(c.block_out_channels)
        found["one attention head"] = variant(unet, inputs, attention_head_dim=one)
        with tanh_gelu():
            found["tanh gelu in the feed-forward"] = run(unet, inputs)
    return {what: largest_difference(output, wrong) for what, wrong in found.items()}


def make(folder):
    models = {}
    for name, (weights, config, sides, purpose) in CASES.items():
        unet = UNet2DConditionModel(**config).eval()
        out = folder / name
        if weights in models:
            unet.load_state_dict(models[weights].state_dict())
            unet.save_config(out)
        else:
            models[weights] = loud(unet, SEEDS[weights], LOUDER if weights in ("sd1", "sd2") else {}, attention=1 if weights == "lists" else 1.5)
            unet.save_pretrained(out)
        inputs = {
            "sample": normal("sample", (2, unet.config.in_channels, *sides), SEEDS[weights]),
            "timestep": TIMESTEPS,
            "encoder_hidden_states": normal("encoder_hidden_states", (2, 7, 12), SEEDS[weights]),
        }
        output = run(unet, inputs)
        exact = run(copy.deepcopy(unet).double(), {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()})
        tensors = {**inputs, "output": output}
        case = {
            "purpose": purpose,
            "weights": relative(folder / weights / "diffusion_pytorch_model.safetensors"),
            "parameters": parameters(unet),
            "output": spread(output),
            "float64_difference": largest_difference(output, exact),
            "wrong_details": wrong_details(unet, inputs, output),
        }
        if name == "sd1":
            scalar = {**inputs, "timestep": torch.tensor(500)}
            tensors["output_timestep_500"] = run(unet, scalar)
            sample = inputs["sample"].clone().requires_grad_()
            loss = unet(sample, inputs["timestep"], inputs["encoder_hidden_states"]).sample.pow(2).mean()
            loss.backward()
            named = dict(unet.named_parameters())
            tensors |= {f"gradient.{n}": named[n].grad for n in GRADIENTS_OF} | {"gradient.sample": sample.grad}
            case["gradient"] = {"of": "mean(output ** 2)", "value": loss.item(), "with_respect_to": ["sample"] + GRADIENTS_OF}
        write_tensors(out / "case.safetensors", tensors)
        write_json(out / "case.json", case)
