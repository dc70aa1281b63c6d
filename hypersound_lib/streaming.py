"""A local model on sounds of any length, in pieces: what an hour needs is no more than what a few seconds need.

    frames   |--------- piece 0 ---------|--------- piece 1 ---------| …
    heard    |-----------------------------reach|                         θ_k depends on `reach` frames on each side,
                                   |reach----------------------------     so a piece hears them, too, and drops them

A piece plays up to its last frame's centre; that frame is kept, because the next piece begins under its window.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from hypersound_lib.data.blocks import resample_blocks
from hypersound_lib.errors import ConfigError
from hypersound_lib.local_model import LocalHyperSound


@torch.no_grad()
def stream_encode(
    model: LocalHyperSound, sound: Tensor | Iterable[Tensor], frames: int = 1024
) -> Iterator[dict[str, Tensor]]:
    """Write a sound's frames, so many at once: `(T,)` at the model's rate `-> {name: (1, ≤ frames, *shape)}`, ….

    Joined along their second dimension they are what `model.encode` makes of the whole.

    Args:
        model: on any device.
        sound: `(T,)`, or its blocks `(T_i,)` one after the other, as a file or a microphone gives them.
        frames: at once; it bounds the memory and does not change the result.

    Raises:
        ConfigError: a waveform is not `(T,)`, there is no sample, or `frames` is not positive.
    """
    if frames < 1:
        raise ConfigError(f"{frames} frames at once: use at least 1")
    network, hop = model.hypernetwork, model.config.target.hop
    device = next(model.parameters()).device
    margin, sharing = network.reach + 1, network.config.block
    held, heard, first = torch.zeros(0), 0, 0  # samples from frame `heard` on; the next frame to write
    for block, ended in _blocks(sound, frames * hop):
        held = torch.cat([held, block])
        total = network.frames_in(heard * hop + len(held)) if ended else None
        while True:
            stop = first + frames if total is None else min(first + frames, total)
            needed = (stop + margin - heard) * hop
            if first == stop or (total is None and len(held) < needed):
                break
            params = model.encode(held[:needed].unsqueeze(0).to(device))
            yield {name: value[:, first - heard : stop - heard] for name, value in params.items()}
            first = stop
            done = max(0, first - margin) // sharing * sharing - heard  # a piece begins where frames begin to share
            held, heard = held[done * hop :], heard + done


def _blocks(sound: Tensor | Iterable[Tensor], size: int) -> Iterator[tuple[Tensor, bool]]:
    """Yield blocks, each with whether it was the last."""
    last = None
    for block in _split(sound, size):
        if block.ndim != 1:
            raise ConfigError(f"a sound to stream is (T,), or blocks of it, not {tuple(block.shape)}")
        if len(block):
            if last is not None:
                yield last, False
            last = block
    if last is None:
        raise ConfigError("there is no sample to stream")
    yield last, True


def _split(sound: Tensor | Iterable[Tensor], size: int) -> Iterable[Tensor]:
    return sound.split(size, dim=-1) if isinstance(sound, Tensor) else sound


@torch.no_grad()
def stream(
    model: LocalHyperSound,
    sound: Tensor | Iterable[Tensor],
    output_rate: int | None = None,
    *,
    frames: int = 1024,
    progress: bool = False,
    seconds: float | None = None,
) -> Iterator[Tensor]:
    """Encode a sound and play it, piece by piece: `(T,)` at the model's rate `-> (T'_0,), (T'_1,), …`.

    Joined, they are what decoding the whole at once gives, ⌈T · output rate / rate⌉ samples.

    Args:
        model: on any device.
        sound: `(T,)` at the model's rate, or its blocks `(T_i,)` one after the other.
        output_rate: in Hz; None stands for the model's own.
        frames: at once; it bounds the memory and does not change the result.
        progress: show a bar.
        seconds: how long the sound is, for the bar, where it comes in blocks.

    Raises:
        ConfigError: a waveform is not `(T,)`, there is no sample, or a setting is impossible.
    """
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    if output_rate < 1:
        raise ConfigError(f"a sample rate is a positive number of Hz, not {output_rate}")
    hop, counter = model.samples_per_hop(output_rate), _Counter(sound)
    start, first_frame, kept = 0, 0, None
    length = len(sound) / rate if isinstance(sound, Tensor) else seconds
    bar = tqdm(total=length and round(length), unit="s of sound", disable=not progress)
    with bar:
        for params in stream_encode(model, counter.blocks(frames * model.config.target.hop), frames):
            if kept is not None:
                params = {name: torch.cat([kept[name], value], dim=1) for name, value in params.items()}
            count = next(iter(params.values())).shape[1]
            # Frames are written when the sound behind them is known, so before its end the second is never less.
            end = math.ceil(Fraction(counter.samples * output_rate, rate))
            stop = min(math.ceil(hop * (first_frame + count - 1)), end)
            if stop > start:
                yield model.decode(params, stop - start, output_rate, start, first_frame)[0].cpu()
            bar.update(stop // output_rate - start // output_rate)
            kept = {name: value[:, -1:] for name, value in params.items()}
            start, first_frame = max(start, stop), first_frame + count - 1


def reconstruct_blocks(
    model: LocalHyperSound, sound: Tensor | Iterable[Tensor], output_rate: int, **settings: Any
) -> Iterator[Tensor]:
    """Do what `stream` does, and below the model's rate play at that rate and let soxr bring it down.

    Leaving waves out, as `decode` does below its rate, takes the last half kilohertz below the new Nyquist frequency
    along with what would fold; a resampler's filter is steeper. It takes the settings of `stream`.
    """
    rate = model.config.sample_rate
    if output_rate >= rate:
        yield from stream(model, sound, output_rate, **settings)
    else:
        yield from resample_blocks(stream(model, sound, **settings), rate, output_rate)


class _Counter:
    """Hands blocks on and counts their samples."""

    def __init__(self, sound: Tensor | Iterable[Tensor]):
        self.sound, self.samples = sound, 0

    def blocks(self, size: int) -> Iterator[Tensor]:
        for block in _split(self.sound, size):
            self.samples += block.shape[-1]
            yield block
