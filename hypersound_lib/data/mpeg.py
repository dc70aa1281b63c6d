"""MP3: all frames counted, as libsndfile only estimates their number where no header states it.

A file is a row of frames, each with a header of 4 bytes that tells how long it is. A frame without sound in front may
state how many follow (Xing, Info, VBRI). Where none does, libsndfile takes all to be as long as the first and stops at
its estimate, so that of a file with a variable bit rate it returns a part, without a word.
"""

import io
import mmap
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_RATES = (44100, 48000, 32000)  # Hz of MPEG-1; MPEG-2 has halves, MPEG-2.5 quarters
_KBPS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # of MPEG-1 by the header's index, from 1
_KBPS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of MPEG-2 and -2.5
_LONGEST = 2048  # bytes, more than any frame has
_SYNC = re.compile(rb"\xff(?=[\xe2\xe3\xf2\xf3\xfa\xfb][^\xf0-\xff].)", re.DOTALL)
_INFO = re.compile(rb"\xff[\xe2-\xff]..(?:..)?\x00{9,32}(?:(?:Xing|Info)\x00\x00\x00[\x00-\x0f]|VBRI)", re.DOTALL)


class _Frame(NamedTuple):
    kind: tuple[int, bool]  # Hz, mono: the same in all frames of a stream
    length: int  # bytes
    num_samples: int


@dataclass(frozen=True)
class MpegStream:
    """What the frames of a file are."""

    first: int  # byte at which the first frame with sound begins
    num_frames: int  # with sound
    num_samples: int  # of each channel, that they hold
    is_stated: bool  # whether a Xing header, which libsndfile reads, states just as many
    fault: str | None  # what is wrong with them
    second: int | None  # byte at which another stream begins behind the first


def scan(data: mmap.mmap) -> MpegStream | None:
    """Walk over the frames of a file; None where it is not MP3."""
    start = behind_tags(data, 0)
    like = _frame(data[start : start + 4])
    if like is None:
        return None
    info = _INFO.match(data, start)
    name, stated, stated_bytes = _promise(data, info) if info else ("", None, None)
    first = end = end_of_stated = start + like.length if info else start
    count, fault, second = 0, None, None
    while (begin := _next_frame(data, end, like.kind)) < len(data):
        frame = _frame(data[begin : begin + 4])
        if frame is None or frame.kind != like.kind or _INFO.match(data, begin):
            second = end
        elif begin != behind_tags(data, end):
            fault = f"is damaged, bytes {end} to {begin} are no MPEG frames"
        elif begin + frame.length > len(data) and count != stated:
            fault = "is truncated, its last MPEG frame is incomplete"
        else:
            count, end = count + 1, begin + frame.length
            end_of_stated = end if count == stated else end_of_stated
            continue
        break
    present, promises = len(data) - start, f"is truncated, its {name} header promises"
    if stated_bytes is not None and present < stated_bytes:
        fault = f"{promises} {stated_bytes} bytes of MPEG frames but only {present} are there"
    elif stated is not None and second is None:  # one frame more or less is a matter of how encoders count
        if count < stated - 1:
            fault = fault or f"{promises} {stated} MPEG frames but only {count} are there"
        elif count > stated + 1:
            second = end_of_stated
    return MpegStream(first, count, count * like.num_samples, count == stated and name == "Xing", fault, second)


def _next_frame(data: mmap.mmap, at: int, kind: tuple[int, bool]) -> int:
    """Return where the next frame begins: at a byte, or where three of a kind follow each other; or the data's end."""
    frame = _frame(data[at : at + 4])
    if frame is not None and frame.kind == kind:
        return at
    syncs = (match.start() for match in _SYNC.finditer(data, behind_tags(data, at)))
    return next((sync for sync in syncs if _three_in_a_row(data, sync)), len(data))


def _three_in_a_row(data: mmap.mmap, at: int) -> bool:
    """Tell whether three frames of a kind, or fewer up to the end, follow each other: one alone may be chance."""
    kinds = set()
    for _ in range(3):
        frame = _frame(data[at : at + 4])
        kinds.add(frame and frame.kind)
        if frame is None or at + frame.length == len(data):
            break
        at += frame.length
    return len(kinds) == 1 and None not in kinds


@lru_cache(4096)
def _frame(header: bytes) -> _Frame | None:
    """Read a frame's first 4 bytes: sync, version, layer | bit rate, rate, padding | mode; None if they are none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:  # of layer III
        return None
    version, rate_index, kbps_index = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or rate_index == 3 or kbps_index in (0, 15):
        return None
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    num_samples, kbps = (1152, _KBPS_1) if version == 3 else (576, _KBPS_2)
    length = num_samples // 8 * 1000 * kbps[kbps_index - 1] // rate + (header[2] >> 1 & 1)
    return _Frame((rate, header[3] >> 6 == 3), length, num_samples)


def behind_tags(data: mmap.mmap, at: int) -> int:
    """Return the byte behind the ID3 tags that begin at byte `at`, if any do."""
    while True:
        if data[at : at + 3] == b"TAG":
            at += 128
        elif data[at : at + 3] == b"ID3" and at + 10 <= len(data):
            # The tag's size has 7 bits a byte, so that it never looks like an MPEG sync word.
            a, b, c, d = data[at + 6 : at + 10]
            at += 10 + (a << 21 | b << 14 | c << 7 | d)
        else:
            return at


def _promise(data: mmap.mmap, info: re.Match[bytes]) -> tuple[str, int | None, int | None]:
    """Return the name of a header, and how many frames and bytes it promises."""
    behind = data[info.end() : info.end() + 14].ljust(14, b"\0")
    if info[0].endswith(b"VBRI"):  # then version, delay and quality, of 2 bytes each
        num_bytes, num_frames = struct.unpack(">II", behind[6:])
        return "VBRI", num_frames, num_bytes
    flags, fields = info[0][-1], list(struct.unpack(">II", behind[:8]))  # those that the flags announce
    num_frames = fields.pop(0) if flags & 1 else None
    return "Xing", num_frames, fields[0] if flags & 2 else None


class AllFrames(io.FileIO):
    """A file that libsndfile decodes to the last frame, where no header states how many there are.

    It begins with the first frame, and its end is said to lie far behind it: libsndfile's estimate is then too high.
    A Xing header made up in front would state the number, but with it libsndfile drops the first 529 samples.
    """

    def __init__(self, path: Path, stream: MpegStream):
        super().__init__(path)
        self.first, self.size, self.at = stream.first, _LONGEST * (stream.num_frames + 2), 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position, from the beginning, from where it is, or from the end."""
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        """Return the position."""
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Read; the last 128 bytes, which libsndfile searches for a tag, are zeros."""
        if self.at == self.size - 128:
            buffer[:] = bytes(len(buffer))
            return len(buffer)
        super().seek(self.first + self.at)
        count = super().readinto(buffer)
        self.at += count
        return count
