"""A local model on a sound that is still being recorded: each moment is played as soon as it is known.

    samples   0      1      2      3      4      5      6 hops
    frames    0      1      2      3      4      5              frame k depends on samples up to k + 1 hops,
              |---------------------------|                     and θ_k on frames up to k + L
              |======|                                          played, by θ_0 and θ_1, when frame 1 + L is known

L, the networks' look-ahead, is 4 frames: one of the analysis network and three of the generator. At the end of a packet
it is less, because no packet depends on the next one. What was played is final: it is what the whole sound gives.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hypersound_lib.coding.compression import windows
from hypersound_lib.coding.decompression import play
from hypersound_lib.coding.rate import knob_value
from hypersound_lib.data.waveforms import resample_blocks, sound_blocks
from hypersound_lib.errors import ConfigError, check_sample_rate
from hypersound_lib.local.networks import ResidualBlock

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound


def look_ahead(model: nn.Module) -> int:
    """Return L: on how many later frames θ_k depends. Analysis network, steps and generator follow each other."""
    return sum(max(block.offsets) for block in model.modules() if isinstance(block, ResidualBlock))


def latency(model: "LocalHyperSound") -> float:
    """Return how many seconds of input `stream` takes before the first sound, and at most between a sound and its copy.

    A sample waits for the end of its hop, for the frame after it, and for the look-ahead: L + 2 hops.
    """
    return (look_ahead(model) + 2) * model.config.hop / model.config.sample_rate


@torch.no_grad()
def stream(
    model: "LocalHyperSound", blocks: Iterable[Tensor], knob: int, output_rate: int | None = None
) -> Iterator[Tensor]:
    """Encode a sound, round what is sent, and play it, as the sound comes: `(T_i,)` -> `(T'_j,)`, on the CPU.

    Joined, it is what `decode` makes of what `encode` makes of the whole: ⌈T · output rate / rate⌉ samples. Below the
    model's rate it is played at that rate, and soxr, which takes its own time, brings it down: to as many samples as
    `resampled_length` says.

    Args:
        model: in evaluation mode, on any device.
        blocks: of any size, at the model's rate, about full scale.
        knob: position of the rate knob, from 0, the finest, to 255.
        output_rate: in Hz; None stands for the model's own.

    Raises:
        ConfigError: a block is not as `as_sound` wants it, there is no sample, no such knob, or no such rate.
    """
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    check_sample_rate(output_rate)
    sound = _live(model, blocks, knob, max(rate, output_rate))
    yield from sound if output_rate >= rate else resample_blocks(sound, rate, output_rate)


def _live(model: "LocalHyperSound", blocks: Iterable[Tensor], knob: int, output_rate: int) -> Iterator[Tensor]:
    samples = 0

    def counted() -> Iterator[Tensor]:
        nonlocal samples
        for block in sound_blocks(blocks):
            samples += len(block)
            yield block
        if not samples:
            raise ConfigError("there is no sample to stream")

    played = 0
    for sound in play(model, _thetas(model, counted(), knob), output_rate):
        # The last frames lie beyond the end. Before, frames are known later than the samples under them.
        end = math.ceil(Fraction(samples * output_rate, model.config.sample_rate))
        yield sound[: end - played]
        played += len(sound)


def _thetas(model: "LocalHyperSound", blocks: Iterable[Tensor], knob: int) -> Iterator[Tensor]:
    """Yield θ of frames `(1, K_i, M)` that no later sound can change."""
    weight, value = next(model.parameters()), knob_value(knob)[None]
    ahead, size = look_ahead(model), model.config.packet
    packet, done = torch.zeros(0, model.config.hop).to(weight), 0  # frames, and how many of them were yielded

    def thetas(stop: int) -> Tensor:
        return model.quantise_and_generate(packet[None, :size], value.to(packet))[1][:, done:stop]

    for window in windows(model, blocks):
        packet = torch.cat([packet, model.amplitudes_within(window.to(weight))])
        while len(packet) >= size:
            yield thetas(size)
            packet, done = packet[size:], 0
        if len(packet) - ahead > done:
            yield thetas(len(packet) - ahead)
            done = len(packet) - ahead
    if len(packet):
        yield thetas(len(packet))
