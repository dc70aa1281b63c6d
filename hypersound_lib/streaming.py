"""A local model on sounds of any length, in pieces: what an hour needs is no more than what a few seconds need.

    frames   |--------- piece 0 ---------|--------- piece 1 ---------| …
    heard    |-----------------------------reach|                         θ_k depends on `reach` frames on each side,
                                   |reach----------------------------     so a piece hears them, too, and drops them

A piece plays up to its last frame's centre; that frame is kept, because the next piece begins under its window.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import Tensor
from tqdm.auto import tqdm

from hypersound_lib.errors import ConfigError
from hypersound_lib.local_model import LocalHyperSound


@torch.no_grad()
def stream_encode(model: LocalHyperSound, waveform: Tensor, frames: int = 1024) -> Iterator[dict[str, Tensor]]:
    """Write a sound's frames, so many at once: `(T,)` at the model's rate `-> {name: (1, ≤ frames, *shape)}`, ….

    Joined along their second dimension they are what `model.encode` makes of the whole.

    Raises:
        ConfigError: the waveform is not `(T,)` with T ≥ 1, or `frames` is not positive.
    """
    if waveform.ndim != 1 or len(waveform) == 0 or frames < 1:
        raise ConfigError(f"{frames} frames at once of a waveform {tuple(waveform.shape)}: use at least 1, and (T,)")
    network, hop = model.hypernetwork, model.config.target.hop
    device = next(model.parameters()).device
    total, margin = network.frames_in(len(waveform)), network.reach + 1
    for first in range(0, total, frames):
        stop = min(first + frames, total)
        heard = max(0, first - margin)
        part = waveform[heard * hop : (stop + margin) * hop]
        params = model.encode(part.unsqueeze(0).to(device))
        yield {name: value[:, first - heard : stop - heard] for name, value in params.items()}


@torch.no_grad()
def stream(
    model: LocalHyperSound,
    waveform: Tensor,
    output_rate: int | None = None,
    *,
    frames: int = 1024,
    progress: bool = False,
) -> Iterator[Tensor]:
    """Encode a sound and play it, piece by piece: `(T,)` at the model's rate `-> (T'_0,), (T'_1,), …`.

    Joined, they are what decoding the whole at once gives, ⌈T · output rate / rate⌉ samples.

    Args:
        model: on any device.
        waveform: `(T,)` at the model's rate.
        output_rate: in Hz; None stands for the model's own.
        frames: at once; it bounds the memory and does not change the result.
        progress: show a bar.

    Raises:
        ConfigError: the waveform is not `(T,)` with T ≥ 1, or a setting is impossible.
    """
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    if output_rate < 1:
        raise ConfigError(f"a sample rate is a positive number of Hz, not {output_rate}")
    hop = model.samples_per_hop(output_rate)
    total = math.ceil(Fraction(len(waveform) * output_rate, rate))
    start, first_frame, kept = 0, 0, None
    bar = tqdm(total=round(len(waveform) / rate), unit="s of sound", disable=not progress)
    with bar:
        for params in stream_encode(model, waveform, frames):
            if kept is not None:
                params = {name: torch.cat([kept[name], value], dim=1) for name, value in params.items()}
            count = next(iter(params.values())).shape[1]
            stop = min(total, math.ceil(hop * (first_frame + count - 1)))
            if stop > start:
                yield model.decode(params, stop - start, output_rate, start, first_frame)[0].cpu()
            bar.update(stop // output_rate - start // output_rate)
            kept = {name: value[:, -1:] for name, value in params.items()}
            start, first_frame = max(start, stop), first_frame + count - 1
