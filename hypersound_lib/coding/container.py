"""The file format `.hs`: a header, then packets that do not need each other.

    header   magic "HS", version, 4 bytes of the model's identity, level; varints: original rate in Hz, number of
             samples at the model's rate; CRC-16 of all that
    packet   varint n, knob, check byte, CRC-16, then n bytes of payload

CRC-16 covers the packet's number, its knob and its payload, the check byte its number, n and knob: a packet in the
wrong place is told from a whole one. All packets but the last have as many frames as the model's config says, at most a
second; how many there are follows from the number of samples. Where a packet is damaged, or bytes were lost or put in,
the reader looks for the next place where a packet of one of the next numbers is whole. A file that ends before its last
packet was cut short, which is an error: nobody wants to take a part for the whole.
"""

import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hypersound_lib.errors import HIGHEST_RATE, CodeFileError, ConfigError

MAGIC, VERSION = b"HS", 1
IDENTITY_BYTES = 4
HEADER_BYTES = 22  # of a header, at most
MAX_SAMPLES = 2**40
_MAX_PAYLOAD = 2**17
_LEAST = 5  # bytes of the smallest packet
_HEADS = 4  # that lead to each other are no chance
_SKIPPED = 64  # so many packets in a row may be lost before what follows is given up


@dataclass(frozen=True)
class Header:
    """What a file says of its sound as a whole."""

    identity: bytes  # of the model
    level: int  # 0 to 255; see `rate.level_gain`
    original_rate: int  # Hz, of the recording that was compressed
    num_samples: int  # at the model's rate

    def to_bytes(self) -> bytes:
        """Return the header as it stands in a file."""
        body = MAGIC + bytes([VERSION]) + self.identity + bytes([self.level])
        body += _varint(self.original_rate) + _varint(self.num_samples)
        return body + binascii.crc_hqx(body, 0).to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the data") -> tuple["Header", int]:
        """Return the header of a file, and where its packets begin.

        Raises:
            CodeFileError: it is no such file, of a newer version, cut short, or damaged.
        """
        if data[:2] != MAGIC:
            raise CodeFileError(f"{name} is no .hs file: it does not begin with {MAGIC.decode()}")
        if len(data) > 2 and data[2] != VERSION:
            raise CodeFileError(f"{name} is of version {data[2]}, this library reads {VERSION}: update hypersound_lib")
        try:
            at = 3 + IDENTITY_BYTES
            level, (rate, at) = data[at], _read_varint(data, at + 1)
            samples, at = _read_varint(data, at)
            crc = int.from_bytes(data[at : at + 2], "big")
            whole = len(data) >= at + 2 and crc == binascii.crc_hqx(data[:at], 0)
        except (IndexError, ValueError):
            whole = False
        if not whole:
            raise CodeFileError(f"{name}: the header is damaged or cut short; copy the file again")
        if not (1 <= rate <= HIGHEST_RATE and 1 <= samples <= MAX_SAMPLES):
            raise CodeFileError(f"{name}: the header asks for {samples} samples from {rate} Hz, which nobody wrote")
        return cls(data[3 : 3 + IDENTITY_BYTES], level, rate, samples), at + 2


@dataclass(frozen=True)
class Packet:
    """One packet of a file."""

    number: int  # from 0
    knob: int  # 0 to 255
    payload: bytes

    def to_bytes(self) -> bytes:
        """Return the packet as it stands in a file; ConfigError where it is larger than any reader takes."""
        if len(self.payload) > _MAX_PAYLOAD:
            raise ConfigError(
                f"packet {self.number} takes {len(self.payload)} bytes, and {_MAX_PAYLOAD} is the most that can be "
                "read again: choose a lower quality, or a model with shorter packets"
            )
        head = _varint(len(self.payload)) + bytes([self.knob])
        return head + bytes([_check(self.number, head)]) + self.crc() + self.payload

    def crc(self) -> bytes:
        """Return the CRC-16 of number, knob and payload."""
        place = binascii.crc_hqx(self.number.to_bytes(5, "big") + bytes([self.knob]), 0)
        return binascii.crc_hqx(self.payload, place).to_bytes(2, "big")


def identity(tensors: dict[str, Tensor]) -> bytes:
    """Return the first bytes of the hash of a model's weights, by which a file names its model."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        if tensor.dtype == torch.bfloat16:  # which numpy does not know
            tensor = tensor.view(torch.int16)
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.digest()[:IDENTITY_BYTES]


def read_packets(data: bytes, at: int, count: int, name: str = "the data") -> Iterator[Packet | None]:
    """Yield `count` packets from where they begin; None stands for each that is lost or damaged.

    Raises:
        CodeFileError: the file ends before its last packet; raised there, after all packets before.
    """
    number = 0
    while number < count:
        found = _parse(data, at, number)
        if found is None and (stop := _skip(data, at, number, count)):
            yield None
            number, at = number + 1, stop
            continue
        found = found or _resynchronise(data, at, number, count)
        if found is None:
            if number + 1 < count or len(data) - at < _LEAST or _parse(data, at, number, damaged=True):
                raise CodeFileError(
                    f"{name} is cut short, or damaged to its end, after {number} of {count} packets; copy it again"
                )
            yield None  # bytes that may once have been the last packet
            return
        packet, at = found
        yield from [None] * (packet.number - number)
        yield packet
        number = packet.number + 1


def _parse(data: bytes, at: int, number: int, numbers: int = 1, *, damaged: bool = False) -> tuple[Packet, int] | None:
    """Return the whole packet, of that number or one of the next, at a place, and where it ends, or None.

    `damaged` takes any whose head is whole, even where the data end before it does.
    """
    try:
        size, end = _read_varint(data, at)
        knob, check = data[end], data[end + 1]
    except (IndexError, ValueError):
        return None
    ahead, start, stop = (check - _check(number, data[at : end + 1])) & 255, end + 4, end + 4 + size
    if size > _MAX_PAYLOAD or ahead >= numbers or (stop > len(data) and not damaged):
        return None
    packet = Packet(number + ahead, knob, data[start:stop])
    return (packet, stop) if damaged or data[start - 2 : start] == packet.crc() else None


def _skip(data: bytes, at: int, number: int, count: int) -> int | None:
    """Return where a damaged packet ends, if its head says so and what follows confirms it.

    One head alone proves little: of 256 places one has a check byte that fits. Heads must lead to a whole packet, to
    the end after the last one, or to so many other heads that it is no chance.
    """
    head = first = _parse(data, at, number, damaged=True)
    for further in range(number + 1, number + 1 + _HEADS):
        if head is None or head[1] > len(data):
            return None
        if further == count or _parse(data, head[1], further):
            break
        head = _parse(data, head[1], further, damaged=True)
    return first[1] if first and head else None


def _resynchronise(data: bytes, at: int, number: int, count: int) -> tuple[Packet, int] | None:
    """Return the next packet that is whole and followed by another whole one or the end, and where it ends."""
    for start in range(at, len(data)):
        found = _parse(data, start, number, min(_SKIPPED, count - number))
        if found and (found[1] == len(data) or _parse(data, found[1], found[0].number + 1)):
            return found
    return None


def _check(number: int, head: bytes) -> int:
    """Return the check byte: the number can be told from it, up to multiples of 256, so one look finds any number."""
    return (binascii.crc_hqx(head, 0x5A5A) + number) & 255


def _varint(value: int) -> bytes:
    """Return a number ≥ 0 in groups of 7 bits, lowest first, the high bit set where another follows.

    >>> _varint(300).hex()
    'ac02'
    """
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends; IndexError or ValueError where there is none."""
    value = 0
    for group in range(6):
        byte = data[at + group]
        value |= (byte & 127) << (7 * group)
        if byte < 128:
            return value, at + group + 1
    raise ValueError("a number of more than 42 bits")
