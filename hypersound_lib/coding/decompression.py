"""Bytes to a sound, in constant memory: packets, integers, θ, and blocks of sound at any rate."""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from hypersound_lib.coding.container import Header, Packet, read_packets
from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.packets import SEGMENT, PacketCoder
from hypersound_lib.coding.rate import knob_value, level_gain
from hypersound_lib.coding.tensors import runs
from hypersound_lib.data.waveforms import LOUDEST, exactly, resample_blocks, resampled_length
from hypersound_lib.errors import CodeFileError, ConfigError

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound


@torch.no_grad()
def decompress_blocks(
    model: "LocalHyperSound",
    data: bytes,
    output_rate: int | None = None,
    name: str = "the data",
    start: float = 0.0,
    seconds: float | None = None,
) -> Iterator[Tensor]:
    """Yield a file's sound, block by block: `(T_i,)` float32 on the CPU, at any rate in Hz; None: the model's.

    Of a stretch, from `start` for so many seconds or to the end, only the packets that sound in it are decoded.

    Below the model's rate it plays at the model's, and soxr brings it down: leaving waves out, as `decode` does, takes
    the last half kilohertz below the new Nyquist frequency along with what would fold; a resampler is steeper.

    A lost or damaged packet is replaced by silence, with a warning.

    Raises:
        CodeFileError: it is no such file, or another model's; or it is cut short, raised after what is whole.
        ConfigError: the stretch begins beyond the end, or is none.
    """
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    header, count, packets = open_packets(model, data, name)
    first, stop = stretch(resampled_length(header.num_samples, rate, output_rate), output_rate, start, seconds)
    played_rate, begin, end, skipped = _played(first, stop, rate, output_rate, header.num_samples)
    hop, size = model.samples_per_hop(played_rate), model.config.packet
    whole = range(begin // hop // size, min(count, math.ceil(end / hop) // size + 1))
    thetas = _read_theta(model, packets, whole, header.num_samples, name)
    gain, blocks = level_gain(header.level), play(model, thetas, played_rate, begin, whole.start * size)
    played: Iterator[Tensor] = exactly(end - begin, (gain * block for block in blocks))
    if output_rate < rate:
        played = resample_blocks(played, rate, output_rate)
    yield from exactly(stop - first, _without(skipped, played))


def _played(first: int, stop: int, rate: int, output_rate: int, num_samples: int) -> tuple[int, int, int, int]:
    """Return at which rate a stretch is played, its ends there, and how many samples of the output come before it."""
    if output_rate >= rate:
        return output_rate, first, stop, 0
    # From a whole second, where samples of both rates meet; at both ends a second more, which the resampler hears.
    second = max(0, first // output_rate - 1)
    end = min(num_samples, (stop // output_rate + 2) * rate)
    return rate, second * rate, end, first - second * output_rate


def stretch(total: int, sample_rate: int, start: float = 0.0, seconds: float | None = None) -> tuple[int, int]:
    """Return where a stretch begins and ends, in samples, of a sound that has so many; None: to the end.

    Raises:
        ConfigError: it begins before or beyond the sound, or has no sample.
    """
    is_one = 0 <= start <= total / sample_rate and (seconds is None or seconds * sample_rate >= 1)  # NaN is none
    first = round(start * sample_rate) if is_one else total
    if not is_one or (start and first >= total):
        wanted = "to the end" if seconds is None else f"for {seconds:g} s"
        raise ConfigError(
            f"from {start:g} s {wanted} is no part of a sound of {total / sample_rate:.3f} s: choose a start within "
            "it, and a positive number of seconds"
        )
    return first, total if seconds is None else min(total, first + round(seconds * sample_rate))


def _without(count: int, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Leave out the first so many samples of blocks."""
    for block in blocks:
        yield block[min(count, len(block)) :]
        count = max(0, count - len(block))


def play(
    model: "LocalHyperSound", thetas: Iterable[Tensor], output_rate: int, start: int = 0, first: int = 0
) -> Iterator[Tensor]:
    """Play consecutive frames, in any portions, at a rate in Hz: θ `(1, K_i, M)` to `(T_i,)`.

    The first sample is number `start`, the first frame number `first`. Each block ends at its last frame's centre.
    """
    hop, kept = model.samples_per_hop(output_rate), None
    for theta in thetas:
        joined = theta if kept is None else torch.cat([kept, theta], dim=1)
        last = first + joined.shape[1] - 1
        stop = math.ceil(hop * last)
        if stop > start:
            yield model.decode(joined, stop - start, output_rate, start, first)[0].float().cpu()
            start = stop
        # The last frame sounds on under the next one's window.
        kept, first = joined[:, -1:], last


def open_packets(
    model: "LocalHyperSound", data: bytes, name: str = "the data"
) -> tuple[Header, int, Iterator[Packet | None]]:
    """Return a file's header, how many packets it has, and what `read_packets` yields of them.

    Raises:
        CodeFileError: it is no such file, another model's, or its header asks for more than it can hold.
    """
    header, at = Header.from_bytes(data, name)
    if header.identity != model.identity():
        raise CodeFileError(
            f"{name} was made by another model ({header.identity.hex()}, this one is {model.identity().hex()}): "
            "decompress it with the model that compressed it"
        )
    count = -(-model.transform.frames_in(header.num_samples) // model.config.packet)
    if count > 2 * len(data):  # most of them may be gone
        raise CodeFileError(
            f"{name}: {header.num_samples} samples do not fit into {len(data)} bytes; copy the file again"
        )
    return header, count, read_packets(data, at, count, name)


def _read_theta(
    model, packets: Iterator[Packet | None], numbers: range, num_samples: int, name: str
) -> Iterator[Tensor]:
    """Yield θ of segments of the packets that have these numbers: `(1, K', M)`."""
    frames, size = model.transform.frames_in(num_samples), model.config.packet
    coder = model.coder()
    for _ in range(numbers.start):
        next(packets)
    for number in numbers[::SEGMENT]:
        found: list[Packet | None] = []
        cut: CodeFileError | None = None
        try:
            found.extend(islice(packets, min(SEGMENT, numbers.stop - number)))
        except CodeFileError as error:  # to be raised after what is whole was played
            cut = error
        lengths = [min(size, frames - (number + i) * size) for i in range(len(found))]
        thetas = _decode(model, coder, found, lengths)
        lost = [f"{(number + i) * model.packet_seconds:.1f} s" for i, p in enumerate(found) if p is None]
        if lost:
            where = ", ".join(lost[:8]) + (", …" if len(lost) > 8 else "")
            warnings.warn(f"{name}: packets lost or damaged: {len(lost)}; silent from {where}", stacklevel=2)
        if found:
            yield torch.cat(thetas).unsqueeze(0)
        if cut is not None:
            raise cut


def _decode(model, coder: PacketCoder, found: list[Packet | None], lengths: list[int]) -> list[Tensor]:
    """Return each packet's θ `(K, M)`, zero for lost ones; what no encoder wrote is taken out of `found`."""
    weight = next(model.parameters())
    thetas = [torch.zeros(length, model.config.hop).to(weight) for length in lengths]
    there = [i for i, packet in enumerate(found) if packet is not None]
    batches = [there] if there else []
    while batches:
        places = batches.pop()
        packets = [cast(Packet, found[i]) for i in places]
        knobs = knob_value(torch.tensor([packet.knob for packet in packets]))
        counts = [lengths[i] for i in places]  # the file's last packet is shorter
        try:
            sent = coder.decode([packet.payload for packet in packets], knobs, counts)
        except ValueError:  # one of them, in spite of its checksum
            if len(places) == 1:
                found[places[0]] = None
            else:
                batches += [[i] for i in places]
            continue
        for i, theta in zip(places, _generate(model, sent, knobs, counts), strict=True):
            if bool((theta.abs() < LOUDEST).all()):  # not so where integers make a sound infinite, or NaN
                thetas[i] = theta
            else:
                found[i] = None
    return thetas


def _generate(model, sent: tuple[Tensor, Tensor], knobs: Tensor, counts: Sequence[int]) -> Iterator[Tensor]:
    """Yield each packet's θ `(K, M)` of so many frames."""
    weight = next(model.parameters())
    for count, some in runs(counts):
        side, waves = sent[0][some, : -(-count // model.config.side_held)], sent[1][some, :count]
        yield from model.generate(Packets(side.to(weight), waves.to(weight)), knobs[some].to(weight))
