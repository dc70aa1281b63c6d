"""The file format `.hs`: a header, then packets that do not need each other.

    header   magic "HS", version, 4 bytes of the model's identity, level; varints: original rate in Hz, number of
             samples at the model's rate; CRC-16 of all that
    packet   varint n, knob, check byte, CRC-16, then n bytes of payload, of which the last is not 0

CRC-16 covers the packet's number, its knob and its payload, the check byte its number, n and knob: a packet in the
wrong place is told from a whole one. All packets but the last have as many frames as the model's config says, at most a
second; how many there are follows from the number of samples. Where a packet is damaged, or bytes were lost or put in,
the reader looks for the next place where packets of later numbers are whole: a hole costs its own packets, however
many, and at most a whole one that stands alone between two long holes. A file that ends before its last packet was cut
short, which is an error: nobody wants to take a part for the whole.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from hypersound_lib.errors import HIGHEST_RATE, CodeFileError, ConfigError

MAGIC, VERSION = b"HS", 2
IDENTITY_BYTES = 4
HEADER_BYTES = 22  # of a header, at most
MAX_SAMPLES = 2**40
_MAX_PAYLOAD = 2**17
_LEAST = 5  # bytes of the smallest packet
_HEADS = 4  # that lead to each other are no chance
_NEAR = 64  # packets that may lie between two whole ones that do not follow each other
_CHANCE, _LITTLE = 2**28, 2**11  # places times numbers that may be tried for two packets, and for one
_USUAL = 2**13  # bytes of a packet that counts without a neighbour
_WORK, _PLACE = 2**10, 2**7  # checksums' bytes for each byte of data; of them, as many as looking at a place takes


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
            CodeFileError: it is no such file, of another version, cut short, or damaged.
        """
        if data[:2] != MAGIC:
            raise CodeFileError(f"{name} is no .hs file: it does not begin with {MAGIC.decode()}")
        if len(data) > 2 and data[2] != VERSION:
            remedy = "update hypersound_lib" if data[2] > VERSION else "decompress it with the one that wrote it"
            raise CodeFileError(f"{name} is of version {data[2]}, this library reads {VERSION}: {remedy}")
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


def read_packets(data: bytes, at: int, count: int, name: str = "the data") -> Iterator[Packet | None]:
    """Yield `count` packets from where they begin; None stands for each that is lost or damaged.

    Raises:
        CodeFileError: the file ends before its last packet; raised there, after all packets before.
    """
    reader, number, begin = _Reader(data, count), 0, at
    while number < count:
        found = reader.whole(at, number)
        if found is None and (stop := reader.skip(at, number)):
            yield None
            number, at = number + 1, stop
            continue
        found = found or reader.resynchronise(at, number)
        if found is None:
            usual = max(_LEAST, (at - begin) // (2 * max(1, number)))  # half of what packets took so far
            head = reader.head(at, number)
            if len(data) - at < _LEAST + usual * (count - number - 1) or (head and head[3] > len(data)):
                raise CodeFileError(
                    f"{name} is cut short, or damaged to its end, after {number} of {count} packets; copy it again"
                )
            yield from repeat(None, count - number)  # bytes that may once have been these packets
            return
        packet, at = found
        yield from repeat(None, packet.number - number)
        yield packet
        number = packet.number + 1


class _Reader:
    """Finds packets in bytes of which some are damaged, gone, or meant to mislead.

    A place has a certain packet's check byte and CRC by a chance of 2⁻²⁴, so one packet alone, looked for at many
    places and by many numbers, proves little. It counts if the next one follows it, if the data end with it, or if
    another one comes so soon that all that was tried for the two is little against 2⁴⁸.
    """

    def __init__(self, data: bytes, count: int):
        self.data, self.count = data, count
        # Payloads of hostile heads overlap: bytes of which checksums may be computed, so that time is bounded.
        self.work = _WORK * len(data)

    def head(self, at: int, number: int, numbers: int = 1) -> tuple[int, int, int, int] | None:
        """Return what may be a head of that number or one of the next: knob, how much later, and the payload's place.

        A head tells numbers apart up to multiples of 256.
        """
        try:
            size, end = _read_varint(self.data, at)
            knob, check = self.data[end], self.data[end + 1]
        except (IndexError, ValueError):
            return None
        ahead = (check - _check(number, self.data[at : end + 1])) & 255
        return None if size > _MAX_PAYLOAD or ahead >= numbers else (knob, ahead, end + 4, end + 4 + size)

    def whole(self, at: int, number: int, numbers: int = 1) -> tuple[Packet, int] | None:
        """Return the whole packet, of that number or one of the next, at a place, and where it ends, or None."""
        head = self.head(at, number, numbers)
        if head is None or head[3] > len(self.data):
            return None
        knob, ahead, start, stop = head
        if stop > start and not self.data[stop - 1]:  # zeros that took a packet's place would pass for number 0
            return None
        for n in range(number + ahead, number + numbers, 256):
            self.work -= _PLACE + stop - start
            if self.work < 0:
                break
            packet = Packet(n, knob, self.data[start:stop])
            if self.data[start - 2 : start] == packet.crc():
                return packet, stop
        return None

    def skip(self, at: int, number: int) -> int | None:
        """Return where a damaged packet ends, if its head says so and what follows confirms it.

        One head alone proves little: of 256 places one has a check byte that fits. Heads must lead to a whole packet,
        to the end after the last one, or to so many other heads that it is no chance.
        """
        stops = [at]
        for further in range(number, number + _HEADS + 1):
            if len(stops) > 1 and (further == self.count or self.whole(stops[-1], further)):
                return stops[1]
            head = self.head(stops[-1], further)
            if head is None or head[3] > len(self.data):
                return None
            stops.append(head[3])
        # Whole ones whose numbers are 256 larger, or 512, have such heads, too.
        return None if self.whole(at, number, self.count - number) else stops[1]

    def resynchronise(self, at: int, number: int) -> tuple[Packet, int] | None:
        """Return the next packet that is whole and no chance, of any later number, and where it ends."""
        left, lone = self.count - number, None
        for start in range(at, len(self.data)):
            if head := self.head(start, number, min(256, left)):
                # Of a large one, or a number that is far away, more must speak for it before it is tried.
                following = self.head(head[3], number + head[1] + 1)
                near = min(_NEAR, left) if head[3] - head[2] <= _USUAL else 0
                found = self.whole(start, number, left if following else near)
                tried = (start - at + 1) * (head[1] + 1)
                if found and (found[1] == len(self.data) or self._is_followed(*found, tried)):
                    return found
                lone = lone or (found if tried <= _LITTLE else None)
        return lone  # where nothing else is whole up to the end, it can do no harm

    def _is_followed(self, packet: Packet, stop: int, tried: int) -> bool:
        """Return whether the next packet follows, or another one by no chance; so much was tried for this one."""
        number, left = packet.number + 1, self.count - packet.number - 1
        for beyond in range(min(_CHANCE // tried, len(self.data) - stop) or 1):
            self.work -= _PLACE
            if self.whole(stop + beyond, number, min(_NEAR, left, _CHANCE // tried // (beyond + 1) or 1)):
                return True
        return False


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
