"""A sound to bytes, in constant memory: level, segments of packets, and the knobs that make them fit.

    blocks at the model's rate ──► segments ──► the finest knobs that fit the budget ──► packets ──► bytes

Packets of a segment have one position of the knob, or two that are next to each other: one position changes a file's
size by a hundredth, and the budget is to be used. A segment is `SEGMENT` packets, about a minute; what it leaves
of its share of the bits, the next ones may use.

A click 60 dB above speech moves neither the level nor other packets, but fills all waves of two frames with large
numbers, 0.7 to 1.7 kilobytes, which at a fixed rate the speech beside it goes without: the smaller the file, the more.
Coarser steps for the click's packet help little. A quality in place of a rate takes nothing from the speech.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coding.container import Header, Packet
from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.exact import loudness
from hypersound_lib.coding.packets import SEGMENT, PacketCoder
from hypersound_lib.coding.rate import KNOBS, Rate, Survey, knob_value, level_gain
from hypersound_lib.coding.tensors import in_packets
from hypersound_lib.errors import ConfigError, check_sample_rate

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound

_PER_KNOB = 0.0135  # how much of a file's logarithm one position of the knob takes, nearly
_MIDDLE = 7.0  # kbit/s that speech takes with the knob in the middle
_ESTIMATES, _ENCODINGS = 4, 6  # at most
_FULL = 0.996  # of what is allowed: no finer knob is looked for then
_SAMPLED = 16  # packets of a segment whose sizes are estimated
_PACKET_BYTES = 6.6  # of a packet's head, and what the range coder rounds up to


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
    coder, size = PacketCoder(model.entropy), model.config.packet
    seconds = measured.num_samples / model.config.sample_rate
    header = Header(model.identity(), measured.level, original_rate, measured.num_samples).to_bytes()
    yield header
    gain, frames = level_gain(measured.level), model.transform.frames_in(measured.num_samples)
    budget = None if rate.kbps is None else math.floor(125 * rate.kbps * seconds) - len(header)
    knob = KNOBS / 2 - math.log(rate.kbps / _MIDDLE) / _PER_KNOB if rate.kbps else float(rate.knob or 0)  # likely
    spent, missed = 0, list[tuple[int, int]]()  # the last segments, where they do not fit: first frame and bytes
    for amplitudes, first in _segments(model, blocks, frames, gain):
        stop = first + len(amplitudes)
        segment = _Segment(model, coder, in_packets(amplitudes.unsqueeze(0), size), first // size)
        if budget is None:
            position = segment.count * round(knob)
        else:  # never more than the share of the sound so far, so that the whole stays below what was asked for
            share = math.floor(budget * stop / frames) - spent
            position = _fit(segment, knob, share, exactly=stop == frames)
            knob = position / segment.count
        part = segment.encode(position)
        missed = [*missed, (first, len(part))] if budget is not None and len(part) > share else []
        yield part
        spent += len(part)
    if budget is not None and spent > budget:
        enough = max(spent, _enough(missed, frames)) + len(header)
        remedy = f"with its coarsest steps this model takes {math.ceil(enough / seconds / 1.25) / 100:.2f}"
        raise ConfigError(f"{rate.kbps:g} kbit/s is too little for this sound: {remedy}; give at least that")


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


def _segments(model, blocks: Iterable[Tensor], frames: int, gain: float) -> Iterator[tuple[Tensor, int]]:
    """Yield the waves' amplitudes `(K', M)` of segments, in the weights' dtype, and each one's first frame's number."""
    hop, size = model.config.hop, SEGMENT * model.config.packet
    weight = next(model.parameters())
    held, first = torch.zeros(hop), 0  # samples from (first - 1) · hop on
    source, ended = iter(blocks), False
    while first < frames:
        count = min(size, frames - first)
        while len(held) < (count + 1) * hop and not ended:
            block = next(source, None)
            ended = block is None
            held = held if block is None else torch.cat([held, block])
        window = held[: (count + 1) * hop]
        window = functional.pad(window, (0, (count + 1) * hop - len(window)))
        yield model.amplitudes_within((window / gain).to(weight.device)).to(weight.dtype), first
        held, first = held[count * hop :], first + count


class _Segment:
    """Packets of a segment, and what they are with each knob.

    A position says all their knobs at once: their sum, which `count` packets share as evenly as whole numbers can,
    ⌊(position + i) / count⌋ for packet i.
    """

    def __init__(self, model: "LocalHyperSound", coder: PacketCoder, groups: list[Tensor], number: int):
        self.model, self.coder, self.number = model, coder, number
        self.packets = [packet for group in groups for packet in group]
        self.count, self.last = len(self.packets), (KNOBS - 1) * len(self.packets)
        self.made: dict[tuple[int, int], bytes] = {}  # by place and knob
        self.share: float | None = None  # of all packets' bits, that those have whose sizes are estimated

    def _knobs(self, position: int) -> list[int]:
        return [(position + i) // self.count for i in range(self.count)]

    def encode(self, position: int) -> bytes:
        """Return the packets as they stand in a file."""
        knobs = self._knobs(position)
        missing = [place for place in enumerate(knobs) if place not in self.made]
        for _, some in groupby(missing, key=lambda place: len(self.packets[place[0]])):
            self._make(list(some))
        return b"".join(self.made[place] for place in enumerate(knobs))

    def _make(self, places: list[tuple[int, int]]) -> None:
        """Encode packets of one length, given their places and knobs."""
        group = torch.stack([self.packets[i] for i, _ in places])
        knobs = knob_value(torch.tensor([knob for _, knob in places]))  # float32: the decoder has no less precise one
        real = self.model.quantise(group, knobs.to(group))
        if not bool(real.waves.isfinite().all() and real.side.isfinite().all()):
            raise ConfigError(f"a number to be sent is beyond {group.dtype}: compress with model.float()")
        payloads = self.coder.encode(real.side.round(), real.waves.round(), knobs)
        for (i, knob), payload in zip(places, payloads, strict=True):
            self.made[i, knob] = Packet(self.number + i, knob, payload).to_bytes()

    def estimate(self, position: int) -> float:
        """Return how many bytes the packets take, nearly, without coding them: from the code lengths of some."""
        knobs, step = self._knobs(position), max(1, self.count // _SAMPLED)
        sent = self._quantised(range(0, self.count, step), knobs)
        bits = torch.cat([torch.stack(self.model.entropy.bits(*some, r)).sum(dim=0) for some, r in sent])
        if self.share is None:
            self.share = 1.0 if step == 1 else self._share_of(bits, step, knobs)
        return float(bits.sum()) / self.share / 8 + _PACKET_BYTES * self.count

    def _share_of(self, bits: Tensor, step: int, knobs: list[int]) -> float:
        """Return what part of all packets' bits those of every `step`-th are, by a line over their loudness."""
        sent = (sent.waves.round() for sent, _ in self._quantised(range(self.count), knobs))
        loud = torch.cat([loudness(waves).sum(dim=(1, 2), dtype=torch.float32) for waves in sent])
        away = loud[::step] - loud[::step].mean()
        slope = (away * bits).sum() / away.square().sum().clamp(min=1)
        total = self.count * (bits.mean() + slope * (loud.mean() - loud[::step].mean()))
        return float(bits.sum() / torch.maximum(total, bits.sum()).clamp(min=1))

    def _quantised(self, places: range, knobs: list[int]) -> Iterator[tuple[Packets, Tensor]]:
        """Yield what is sent of packets, not yet rounded, those of one length at a time, and their knobs."""
        for _, alike in groupby(places, key=lambda i: len(self.packets[i])):
            some = list(alike)
            packets = torch.stack([self.packets[i] for i in some])
            r = knob_value(torch.tensor([knobs[i] for i in some])).to(packets)
            yield self.model.quantise(packets, r), r


def _fit(segment: _Segment, knob: float, share: int, exactly: bool) -> int:
    """Return nearly the finest position at which a segment takes at most `share` bytes; the last one if none does.

    What is left over is only of use to a later segment: `exactly` says that there is none.
    """
    count, last = segment.count, segment.last
    position = min(max(round(knob * count), 0), last)
    near_enough = (1 + _FULL) / 2 if exactly else 0.97
    search = _Search(near_enough * share, last, _PER_KNOB / count)
    for _ in range(_ESTIMATES):
        tried, position = position, search.next(position, segment.estimate(position))
        if abs(position - tried) <= 2 * count or search.settled:
            break
    search, best = _Search(share, last, search.slope), None  # how sizes fall, estimates have told
    for _ in range(_ENCODINGS):
        size = len(segment.encode(position))
        if size <= share:
            best = position
            if not exactly or size > _FULL * share:
                break
        tried, position = position, search.next(position, size)
        if position == tried or (best is not None and search.settled):
            break
    while best is None and size > share and tried < last:
        tried = min(tried + 4 * count, last)
        size = len(segment.encode(tried))
    return tried if best is None else best


class _Search:
    """Find the finest position, from 0 to `last`, at which a size, which falls with it, is at most `aim`.

    The logarithm of the size falls nearly evenly; how fast, the `slope`, the last two sizes tell.
    """

    def __init__(self, aim: float, last: int, slope: float):
        self.aim, self.slope, self.limits = math.log(max(aim, 1)), slope, (slope / 2, 4 * slope)
        self.too_large, self.fits = -1, last  # the answer lies above the one, and not above the other
        self.last: tuple[int, float] | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to try."""
        return self.fits - self.too_large <= 1

    def next(self, position: int, size: float) -> int:
        """Return the next position to try, after one and its size."""
        above = math.log(max(size, 1)) - self.aim
        self.too_large, self.fits = (position, self.fits) if above > 0 else (self.too_large, min(position, self.fits))
        if self.last is not None and position != self.last[0]:
            low, high = self.limits
            self.slope = min(max((self.last[1] - above) / (position - self.last[0]), low), high)
        self.last = position, above
        return min(max(position + math.ceil(above / self.slope), self.too_large + 1), self.fits)
