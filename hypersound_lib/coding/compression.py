"""A sound to bytes, in constant memory: level, segments of packets, and the knob that makes them fit.

    blocks at the model's rate ──► segments ──► the finest knob that fits the budget ──► packets ──► bytes

A segment is `SEGMENT` packets, about 32 s. What a segment leaves of its share of the bits, the next ones may use.

A click 60 dB above speech moves neither the level nor other packets, but fills all waves of two frames with large
numbers, one or two kilobytes, which at a fixed rate the speech beside it goes without: the smaller the file, the more.
Coarser steps for the click's packet help little. A quality in place of a rate takes nothing from the speech.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coding.container import Header, Packet
from hypersound_lib.coding.packets import SEGMENT, PacketCoder
from hypersound_lib.coding.rate import KNOBS, Rate, Survey, knob_value, level_gain
from hypersound_lib.coding.tensors import in_packets
from hypersound_lib.errors import ConfigError, check_sample_rate

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound

_PER_KNOB = 0.0125  # how much of a file's logarithm one position of the knob takes, nearly
_MIDDLE = 6.3  # kbit/s that speech takes with the knob in the middle
_ESTIMATES, _ENCODINGS = 4, 4  # at most
_SAMPLED = 8  # packets of a segment whose sizes are estimated
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
    coder, seconds = PacketCoder(model.entropy), measured.num_samples / model.config.sample_rate
    header = Header(model.identity(), measured.level, original_rate, measured.num_samples).to_bytes()
    yield header
    gain, frames = level_gain(measured.level), model.transform.frames_in(measured.num_samples)
    budget = None if rate.kbps is None else math.floor(125 * rate.kbps * seconds) - len(header)
    spent, number = 0, 0
    if (knob := rate.knob) is None:  # the likely one, to begin with
        knob = round(min(max(KNOBS / 2 - math.log(cast(float, rate.kbps) / _MIDDLE) / _PER_KNOB, 0), KNOBS - 1))
    for amplitudes, first in _segments(model, blocks, frames, gain):
        stop = first + len(amplitudes)
        groups = in_packets(amplitudes.unsqueeze(0), model.config.packet)
        encode, estimate = partial(_encode, model, coder, groups, number), partial(_estimate, model, groups)
        if budget is None:
            part = encode(knob)
        else:  # never more than the share of the sound so far, so that the whole stays below what was asked for
            share = math.floor(budget * stop / frames) - spent
            part, knob = _fit(encode, estimate, knob, share, exactly=stop == frames)
        yield part
        spent, number = spent + len(part), number + sum(map(len, groups))
    if budget is not None and spent > budget:
        least = math.ceil((spent + len(header)) / seconds / 1.25) / 100
        remedy = f"with its coarsest steps this model takes {least:.2f}; give at least that"
        raise ConfigError(f"{rate.kbps:g} kbit/s is too little for this sound: {remedy}")


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


def _encode(model, coder: PacketCoder, groups: list[Tensor], number: int, knob: int) -> bytes:
    """Return packets as they stand in a file; the first one has this number."""
    part = b""
    for group in groups:
        r = knob_value(knob).expand(len(group))  # float32: the decoder has no less precise one
        real = model.quantise(group, r.to(group))
        if not bool(real.waves.isfinite().all() and real.side.isfinite().all()):
            raise ConfigError(f"a number to be sent is beyond {group.dtype}: compress with model.float()")
        payloads = coder.encode(real.side.round(), real.waves.round(), r)
        part += b"".join(Packet(number + i, knob, payload).to_bytes() for i, payload in enumerate(payloads))
        number += len(payloads)
    return part


def _estimate(model, groups: list[Tensor], knob: int) -> float:
    """Return how many bytes packets take, nearly, from some of them, without coding them."""
    total, packets = 0.0, sum(map(len, groups))
    for group in groups:
        some = group[:: max(1, packets // _SAMPLED)]
        r = knob_value(knob).to(some).expand(len(some))
        bits = sum(part.sum().item() for part in model.entropy.bits(*model.quantise(some, r), r))
        total += bits / 8 * len(group) / len(some)
    return total + _PACKET_BYTES * packets


def _fit(
    encode: Callable[[int], bytes], estimate: Callable[[int], float], knob: int, share: int, exactly: bool
) -> tuple[bytes, int]:
    """Return packets of at most `share` bytes, with nearly the finest knob that allows it, and the knob.

    What is left over is only of use to a later segment: `exactly` says that there is none.
    """
    search = _Search(share if exactly else 0.97 * share)
    for _ in range(_ESTIMATES):
        tried, knob = knob, search.next(knob, estimate(knob))
        if knob == tried or search.settled:
            break
    search, best = _Search(share, search.slope), None  # how sizes fall, estimates have told
    for _ in range(_ENCODINGS):
        part = encode(knob)
        if len(part) <= share:
            best = part, knob
        if best is not None and (not exactly or len(part) > 0.98 * share):
            return best
        tried, knob = knob, search.next(knob, len(part))
        if knob == tried or (best is not None and search.settled):
            break
    while best is None and len(part) > share and tried < KNOBS - 1:
        tried = min(tried + 4, KNOBS - 1)
        part = encode(tried)
    return best or (part, tried)  # the coarsest is the answer, whether it fits or not


class _Search:
    """Find the finest position of the knob at which a size, which falls with it, is at most `aim`.

    The logarithm of the size falls nearly evenly; how fast, the `slope`, the last two sizes tell.
    """

    def __init__(self, aim: float, slope: float = _PER_KNOB):
        self.aim, self.slope = math.log(max(aim, 1)), slope
        self.too_large, self.fits = -1, KNOBS - 1  # the answer lies above the one, and not above the other
        self.last: tuple[int, float] | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to try."""
        return self.fits - self.too_large <= 1

    def next(self, knob: int, size: float) -> int:
        """Return the next position to try, after one and its size."""
        above = math.log(max(size, 1)) - self.aim
        self.too_large, self.fits = (knob, self.fits) if above > 0 else (self.too_large, min(knob, self.fits))
        if self.last is not None and knob != self.last[0]:
            self.slope = min(max((self.last[1] - above) / (knob - self.last[0]), _PER_KNOB / 2), 4 * _PER_KNOB)
        self.last = knob, above
        return min(max(knob + math.ceil(above / self.slope), self.too_large + 1), self.fits)
