"""A segment of packets: the finest knobs with which they take no more than a number of bytes.

A packet's bytes can be counted only when it is encoded, which takes long. So sizes are guessed from how loud the
integers are, by a line that holds for speech within a few hundredths, and what was encoded corrects the guesses of the
rest. Packets of a segment have knobs within a few positions of each other: one changes a packet's size by a hundredth.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hypersound_lib.coding.container import Packet
from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.exact import loudness
from hypersound_lib.coding.rate import KNOBS, knob_value
from hypersound_lib.errors import ConfigError

if TYPE_CHECKING:
    from hypersound_lib.coding.packets import PacketCoder
    from hypersound_lib.local.model import LocalHyperSound

PER_KNOB = 0.0135  # how much of a file's logarithm one position of the knob takes, nearly
_COARSER = 0.0222  # how much the logarithm of steps grows with it, nearly
_FRAME_BITS, _LOUD_BITS = 12.0, 2.7  # that a frame takes, and for each unit of its integers' `loudness`, nearly
_PACKET_BYTES = 6.6  # of a packet's head, and what the range coder rounds up to
_TOGETHER, _FEWEST = 16, 4  # packets, at most and at least, that are encoded before the knob for the next is chosen
_NEAR = 3  # positions of the knob, that count as nearly the same
_GUESSES, _CHANGES = 4, 6  # at most
_FULL = 0.996  # of what is allowed: no finer knob is looked for then
_NEARLY_FULL = 0.985  # what is aimed at where a later segment may use what is left
_GOLDEN = (math.sqrt(5) - 1) / 2  # whose multiples, without their whole parts, lie evenly, however many


class Segment:
    """Packets of a segment: guesses of their sizes, and those that were encoded, with their knobs.

    Args:
        model: whose packets these are.
        coder: with its probabilities.
        packets: amplitudes `(K, M)` of each; the last one may be shorter.
        first: the first packet's number.
        correction: what guesses are multiplied by, until `learn` is called.
    """

    def __init__(
        self, model: "LocalHyperSound", coder: "PacketCoder", packets: list[Tensor], first: int, correction: float = 1.0
    ):
        self.model, self.coder, self.first, self.correction = model, coder, first, correction
        self.packets, self.count, self.last = packets, len(packets), (KNOBS - 1) * len(packets)
        self.waves, self.seen = list[Tensor](), 0.0  # their integers, not yet rounded, and with which knob
        self.guesses, self.guessed = list[float](), 0.0  # of their bytes, and with which knob
        self.knobs: dict[int, int] = {}  # of those that are encoded, by place
        self.made: dict[tuple[int, int], bytes] = {}  # by place and knob

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(len(self.made[place]) for place in self.knobs.items())

    @property
    def position(self) -> int:
        """All knobs at once: their sum."""
        return sum(self.knobs.values())

    def to_bytes(self) -> bytes:
        """Return the packets as they stand in a file."""
        return b"".join(self.made[place] for place in sorted(self.knobs.items()))

    def look(self, knob: float) -> None:
        """Keep the integers that packets hold with a knob, for `guess`."""
        self.seen = round(knob)
        alike = self._alike((i, round(knob)) for i in range(self.count))
        self.waves = [self._quantised(places)[0].waves for places in alike]

    def guess(self, knob: float) -> None:
        """Guess what packets take with a knob, by how loud their integers are then, nearly; nothing is coded."""
        self.guessed, self.guesses, gain = knob, [], math.exp(_COARSER * (self.seen - knob))
        for waves in self.waves:
            loud = loudness((gain * waves).round()).sum(dim=(1, 2), dtype=torch.float32)
            self.guesses += ((_FRAME_BITS * waves.shape[1] + _LOUD_BITS * loud) / 8 + _PACKET_BYTES).tolist()

    def knob_for(self, size: float, places: Iterable[int]) -> float:
        """Return the knob with which some packets take so many bytes, by their guesses."""
        wanted = self.correction * sum(self.guesses[i] for i in places)
        return _within(self.guessed + math.log(max(wanted, 1) / max(size, 1)) / PER_KNOB)

    def encode(self, knobs: dict[int, int]) -> None:
        """Encode packets with these knobs, by place."""
        for places in self._alike(place for place in sorted(knobs.items()) if place not in self.made):
            sent, values = self._quantised(places)
            payloads = self.coder.encode(sent.side.round(), sent.waves.round(), values)
            for (i, knob), payload in zip(places, payloads, strict=True):
                self.made[i, knob] = Packet(self.first + i, knob, payload).to_bytes()
        self.knobs |= knobs

    def learn(self) -> None:
        """Correct guesses by what packets took that were encoded, with about the knob that is guessed for."""
        sizes = sum(len(self.made[i, k]) * math.exp(PER_KNOB * (k - self.guessed)) for i, k in self.knobs.items())
        self.correction = sizes / sum(self.guesses[i] for i in self.knobs)

    def moved(self, steps: int) -> dict[int, int]:
        """Return knobs for all packets that are coarser by so many positions in all, as even as may be."""
        each, more = divmod(steps, self.count)
        finest = sorted(self.knobs, key=self.knobs.__getitem__)[:more]
        return {i: round(_within(knob + each + (i in finest))) for i, knob in self.knobs.items()}

    def _alike(self, places: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        """Yield places and knobs of packets of one length at a time."""
        for _, some in groupby(places, key=lambda place: len(self.packets[place[0]])):
            yield list(some)

    def _quantised(self, places: list[tuple[int, int]]) -> tuple[Packets, Tensor]:
        """Return what is sent of packets of one length, not yet rounded, and r, given their places and knobs."""
        group = torch.stack([self.packets[i] for i, _ in places])
        values = knob_value(torch.tensor([knob for _, knob in places]))  # float32: the decoder has no less precise one
        real = self.model.quantise(group, values.to(group))
        if not bool(real.waves.isfinite().all() and real.side.isfinite().all()):
            raise ConfigError(f"a number to be sent is beyond {group.dtype}: compress with model.float()")
        return real, values


def encode_within(segment: Segment, knob: float, share: int, exactly: bool) -> None:
    """Encode a segment with nearly the finest knobs with which it takes at most `share` bytes, or with the coarsest.

    Groups of packets from all over the segment are encoded one after the other. What they take corrects the guesses of
    the others' sizes, so the last ones, when little is left, use it up. `exactly` says that no later segment can.
    """
    order = sorted(range(segment.count), key=lambda i: i * _GOLDEN % 1)
    together = min(_TOGETHER, -(-segment.count // 2))
    first, left = order[:together], order[together:]
    aim, tried = ((1 + _FULL) / 2 if exactly else _NEARLY_FULL) * share, math.inf
    knob = _within(knob)
    segment.look(knob)
    for _ in range(_GUESSES):
        knob = _guessed(segment, knob, aim)
        if abs(knob - tried) <= _NEAR:
            break
        segment.encode(_evenly(first, knob))
        segment.learn()
        tried = knob
    while left:
        mean, count = segment.position / len(segment.knobs), min(_TOGETHER, max(_FEWEST, len(left) // 2))
        knob = _within(segment.knob_for(aim - segment.size, left), mean - _NEAR, mean + _NEAR)
        segment.encode(_evenly(left[:count], knob))
        segment.learn()
        left = left[count:]
    _use_up(segment, share, exactly)


def _guessed(segment: Segment, knob: float, aim: float) -> float:
    """Return the knob with which all packets take so many bytes, by their guesses."""
    for _ in range(_GUESSES):
        segment.guess(knob)
        knob, tried = segment.knob_for(aim, range(segment.count)), knob
        if abs(knob - tried) <= 1:
            break
    return knob


def _within(knob: float, finest: float = 0, coarsest: float = KNOBS - 1) -> float:
    return min(max(knob, finest), coarsest)


def _evenly(places: Sequence[int], knob: float) -> dict[int, int]:
    """Return whole numbers for packets, whose mean is nearly the knob."""
    return {place: math.floor(knob + i / len(places)) for i, place in enumerate(places)}


def _use_up(segment: Segment, share: int, exactly: bool) -> None:
    """Change as few packets' knobs as are needed for a segment, all of it encoded, to take at most `share` bytes."""
    search, best = _Search(share, segment.last, PER_KNOB / segment.count), dict[int, int]()
    for _ in range(_CHANGES):
        size, position = segment.size, segment.position
        if size <= share:
            best = dict(segment.knobs)
            if not exactly or size > _FULL * share:
                break
        wanted = search.next(position, size)
        if wanted == position or (best and search.settled):
            break
        segment.encode(segment.moved(wanted - position))
    while not best and segment.size > share and segment.position < segment.last:
        segment.encode(segment.moved(4 * segment.count))
    segment.encode(best)


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
        # What fits is known: unless nothing is left to try, a finer one.
        return max(self.too_large + 1, min(position + math.ceil(above / self.slope), self.fits - 1))
