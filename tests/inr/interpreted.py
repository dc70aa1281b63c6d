"""What `test_fused.py` runs in a process with TRITON_INTERPRET=1: Triton's interpreter executes the kernels on the CPU.

It prints JSON: by case the relative errors of the sound (0) and of all gradients together (1). bfloat16 is left out:
the interpreter (3.6) multiplies the bits of such numbers as if they were whole numbers.
"""

import json
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from hypersound_lib.inr import FourierMLP, FourierMLPConfig, fused
from tests.training.tiny import make_model

# Layers, width and octaves, samples, items: whole chunks and tiles, and parts of them.
CASES = [(1, 20, 3, 130, 1), (2, 64, 8, 128, 2), (3, 70, 5, 200, 3), (4, 130, 16, 257, 2)]


def error(found: Tensor, expected: Tensor) -> float:
    """Return ‖found - expected‖ / ‖expected‖."""
    return float((found.double() - expected.double()).norm() / expected.double().norm())


def network(layers: int, width: int, octaves: int, samples: int, items: int, dtype: torch.dtype) -> dict[str, float]:
    """Compare a network's kernels with its layers in float64, and its layers in the same precision, too."""
    torch.manual_seed(0)
    target = FourierMLP(FourierMLPConfig(layers, width, octaves))
    start = {name: p.detach() * (1 + 0.3 * torch.randn(items, *p.shape)) for name, p in target.named_parameters()}
    start = {name: p.detach().to(dtype) for name, p in start.items()}
    features = target.features(torch.linspace(0, 1, samples)[:, None]).to(dtype)
    given = torch.randn(items, samples, 1)

    def differentiated(play: Callable[..., Tensor], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        params = {name: p.to(dtype, copy=True).requires_grad_() for name, p in start.items()}
        sound = play(features.to(dtype), params)
        sound.backward(given.to(sound.dtype))
        return sound.detach(), torch.cat([p.grad.flatten() for p in params.values()])

    exact = differentiated(target.evaluate, torch.float64)
    ways = {"kernels": partial(fused.play, layers=layers), "layers": target.evaluate}
    found = {way: differentiated(play, dtype) for way, play in ways.items()}
    return {f"{way} {i}": error(found[way][i], exact[i]) for way in ways for i in (0, 1)}


def model() -> dict[str, float]:
    """Compare a whole model in float16 with itself, layer by layer."""
    hypersound = make_model()
    clips, found = torch.randn(2, hypersound.config.num_samples) / 4, []
    for fuse in (False, True):
        hypersound.target.fused = fuse
        hypersound.zero_grad()
        with torch.autocast("cpu", torch.float16):
            sound = hypersound(clips)
        sound.float().square().mean().backward()
        found.append((sound.detach(), torch.cat([p.grad.flatten() for p in hypersound.parameters()])))
    return {f"kernels {i}": error(b, a) for i, (a, b) in enumerate(zip(*found, strict=True))}


def compiled() -> float:
    """Return how far a compiled model's sound is from its own; compiling fails unless it is one graph."""
    hypersound = make_model()
    hypersound.target.fused = True
    clips = torch.randn(2, hypersound.config.num_samples) / 4
    with torch.no_grad(), torch.autocast("cpu", torch.float16):
        return error(torch.compile(hypersound, backend="aot_eager", fullgraph=True)(clips), hypersound(clips))


def nan() -> list[bool]:
    """Return whether a weight that is NaN makes sound, and gradients of the layers before it, NaN."""
    target = FourierMLP(FourierMLPConfig(2, 8, 4))
    params = {name: p.detach().half().expand(2, *p.shape).clone() for name, p in target.named_parameters()}
    params["layers.1.weight"][1, 3, 3] = math.nan
    params = {name: p.requires_grad_() for name, p in params.items()}
    sound = fused.play(target.features(torch.linspace(0, 1, 32)[:, None]).half(), params, 2)
    sound.sum().backward()
    return [bool(x.isnan().any()) for x in (sound[0], sound[1], params["layers.0.weight"].grad[1])]


def main() -> None:
    """Print all errors, once the operations' registrations have been checked."""
    dtypes = {"float32": torch.float32, "float16": torch.float16}
    rows = {f"{case} {name}": network(*case, dtype) for case in CASES for name, dtype in dtypes.items()}
    tensors = [torch.randn(*shape, requires_grad=True) for shape in ((2, 64, 16), (1, 2, 64, 64), (2, 64), (2, 2, 64))]
    torch.library.opcheck(fused.play_op, (torch.randn(130, 16), *tensors, True))
    print(json.dumps(rows | {"model float16": model(), "compiled": compiled(), "nan": nan()}))


if __name__ == "__main__":
    main()
