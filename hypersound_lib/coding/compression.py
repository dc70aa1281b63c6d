"""A sound to bytes, in constant memory: level, segments of packets, and the knobs that make them fit.

    blocks at the model's rate ──► segments ──► the finest knobs that fit the budget ──► packets ──► bytes

A segment is `SEGMENT` packets, about a minute; what it leaves of its share of the bits, the next ones may use.

A click 60 dB above speech moves neither the level nor other packets, but fills all waves of two frames with large
numbers, 0.7 to 1.7 kilobytes, which at a fixed rate the speech beside it goes without: the smaller the file, the more.
Coarser steps for the click's packet help little. A quality in place of a rate takes nothing from the speech.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hypersound_lib.coding.container import Header
from hypersound_lib.coding.packets import SEGMENT
from hypersound_lib.coding.rate import KNOBS, Rate, Survey, level_gain
from hypersound_lib.coding.segments import PER_KNOB, Segment, encode_within
from hypersound_lib.data.waveforms import exactly
from hypersound_lib.errors import ConfigError, check_sample_rate

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound

_MIDDLE = 7.0  # kbit/s that speech takes with the knob in the middle


@torch.no_grad()
def compress_blocks(
    model: "LocalHyperSound", blocks: Iterable[Tensor], measured: Survey, original_rate: int, rate: Rate
) -> Iterator[bytes]:
    """Yield a file, part by part: first the header, then one part for each segment.

    The model's weights are fixed (loaded, or saved once). Blocks `(T_i,)` are at its rate, the same that `survey`
    measured; the original rate, in Hz, is for the record.

    Raises:
        ConfigError: there is no sample, a rate is impossible, or, at the end, the model cannot go as low as the rate.
    """
    if not measured.num_samples:
        raise ConfigError("there is no sample to compress")
    check_sample_rate(original_rate)
    coder, size = model.coder(), model.config.packet
    seconds = measured.num_samples / model.config.sample_rate
    header = Header(model.identity(), measured.level, original_rate, measured.num_samples).to_bytes()
    yield header
    gain, frames = level_gain(measured.level), model.transform.frames_in(measured.num_samples)
    budget = None if rate.kbps is None else math.floor(125 * rate.kbps * seconds) - len(header)
    knob = KNOBS / 2 - math.log(rate.kbps / _MIDDLE) / PER_KNOB if rate.kbps else float(rate.knob or 0)  # likely
    spent, correction, missed = 0, 1.0, list[tuple[int, int]]()  # of segments that do not fit: first frame and bytes
    weight, stop = next(model.parameters()), 0
    for window in windows(model, exactly(measured.num_samples, blocks), SEGMENT * size):
        amplitudes = model.amplitudes_within((window / gain).to(weight.device)).to(weight.dtype)
        first, stop = stop, stop + len(amplitudes)
        segment = Segment(model, coder, list(amplitudes.split(size)), first // size, correction)
        if budget is None:
            segment.encode(dict.fromkeys(range(segment.count), round(knob)))
        else:  # never more than the share of the sound so far, so that the whole stays below what was asked for
            share = math.floor(budget * stop / frames) - spent
            encode_within(segment, knob, share, exactly=stop == frames)
            knob, correction = segment.position / segment.count, segment.correction
        part = segment.to_bytes()
        missed = [*missed, (first, len(part))] if budget is not None and len(part) > share else []
        yield part
        spent += len(part)
    if budget is not None and spent > budget:
        raise _too_little(rate, (max(spent, _enough(missed, frames)) + len(header)) / seconds)


def _too_little(rate: Rate, least: float) -> ConfigError:
    """Return what to raise, given the least rate in bytes per second."""
    remedy = f"with its coarsest steps this model takes {math.ceil(least / 1.25) / 100:.2f}; give at least that"
    return ConfigError(f"{rate.kbps:g} kbit/s is too little for this sound: {remedy}")


def _enough(missed: list[tuple[int, int]], frames: int) -> float:
    """Return a budget in bytes in which the last segments fit, with the coarsest steps, by first frame and size.

    With it, what comes before them may use all of its share. So they must fit theirs: all of them, and the last of
    them, however many.
    """
    budget, total = 0.0, 0
    for first, size in reversed(missed):
        total += size
        budget = max(budget, total * frames / (frames - first))
    return budget


def windows(model: "LocalHyperSound", blocks: Iterable[Tensor], at_once: int | None = None) -> Iterator[Tensor]:
    """Yield a sound, `(T_i,)`, as windows for `amplitudes_within`, `((K_i + 1) · hop,)`: all of its frames, once each.

    They come as soon as they are known, or so many at once; what is left comes in the end.
    """
    hop, held = model.config.hop, torch.zeros(0)
    for block in _with_zeros(model, blocks):
        held = torch.cat([held, block])
        while (known := len(held) // hop - 1) >= (at_once or 1):
            count = at_once or known
            yield held[: (count + 1) * hop]
            held = held[count * hop :]
    if len(held) > hop:
        yield held


def _with_zeros(model: "LocalHyperSound", blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield blocks, and before and behind them the zeros into which the first and the last frame reach."""
    hop, samples = model.config.hop, 0
    yield torch.zeros(hop)
    for block in blocks:
        samples += len(block)
        yield block
    yield torch.zeros(model.transform.frames_in(samples) * hop - samples)
