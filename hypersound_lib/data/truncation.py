"""Has a sound file lost its tail? Compare what its container promises with the bytes that are there.

libsndfile repairs the header of a cut WAV, AIFF or Ogg file silently and returns the frames that are left, so
a broken download would pass for a shorter sound. What each format lets one know:

* WAV (RIFF, RIFX, RF64, BW64) and AIFF: the audio chunk states its length in bytes. A streaming writer that could
  not seek back leaves 0 or the most that fits there (ffmpeg 0xFFFFFFFF, SoX 0x7FFFF000); then a cut cannot be known.
* Ogg (Vorbis, Opus): the last page carries an end-of-stream mark (RFC 3533, section 6), so any cut is known.
* MP3: only the optional Xing/Info frame states the length. Without it a cut cannot be known, since MP3 is a bare
  row of frames.
* FLAC: the decoder itself reports a missing frame, and ``load_audio`` compares the frames it got with STREAMINFO.
* Any other format: only what libsndfile reports.

The other way round, libsndfile reads only the first of several streams that lie one after the other in a file (chained
Ogg as radio stations send it, `cat a.mp3 b.mp3`): see `second_stream`.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_STREAMED = 0x7FFFF000  # a stated size from here on means that the writer did not know
_OGG_PAGE_HEADER = 27
_OGG_LARGEST_PAGE = _OGG_PAGE_HEADER + 255 + 255 * 255
_OGG_END_OF_STREAM = 0x04
# How a stream starts: long enough not to occur by chance.
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # and the length of STREAMINFO
_OGG_START = re.compile(rb"OggS\x00\x02")
_OGG_INNER_PAGE = re.compile(rb"OggS\x00[^\x02]", re.DOTALL)
_MP3_START = re.compile(rb"\xff[\xe2-\xff]..(?:..)?\x00{9,32}(Xing|Info)\x00\x00\x00[\x00-\x0f]", re.DOTALL)


def missing_tail(path: Path) -> str | None:
    """Return how `path` shows that its end is missing, or None where it is whole or the format cannot know.

    Args:
        path: a file that exists.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic in (b"RIFF", b"RF64", b"BW64"):
            return _check_chunks(file, size, "<", b"data")
        if magic == b"RIFX":
            return _check_chunks(file, size, ">", b"data")
        if magic == b"FORM":
            return _check_chunks(file, size, ">", b"SSND")
        if magic == b"OggS":
            return _check_ogg(file, size)
        if magic[:3] == b"ID3" or (len(magic) > 1 and magic[0] == 0xFF and magic[1] >= 0xE0):
            return _check_mp3(file, size)
    return None


def second_stream(path: Path) -> int | None:
    """Return the byte at which another stream of sound begins behind the first one, or None.

    Args:
        path: a file that exists and is not empty.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == b"fLaC":
            found = _FLAC_START.search(data, 4)
        elif data[:4] == b"OggS":  # streams that are interleaved all start before the first page that starts none
            first = _OGG_INNER_PAGE.search(data)
            found = first and _OGG_START.search(data, first.end())
        else:
            return _second_mp3(data, _mp3_start(data[:10]))
        return found.start() if found else None


def _second_mp3(data: mmap.mmap, start: int) -> int | None:
    if data[start : start + 1] != b"\xff" or not (first := _MP3_START.search(data, start, start + 2048)):
        return None
    if again := _MP3_START.search(data, first.end()):
        return again.start()
    end = start + (_xing_bytes(data[first.start(1) :][:16]) or len(data))
    follows_frame = data[end : end + 2] == data[start : start + 2] or data[end : end + 3] == b"ID3"
    # One frame more or less is a matter of how encoders count; an APE tag is none.
    return end if follows_frame and len(data) - end > 4096 and data.find(b"APETAGEX", end) < 0 else None


def _chunks(file: BinaryIO, endian: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, first byte, size) of each chunk: RIFF | size | form | name | size | bytes | name | ..."""
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(endian + "4sI", header)
        start = file.tell()
        yield name, start, size
        file.seek(start + size + size % 2)  # chunks begin on even bytes


def _check_chunks(file: BinaryIO, file_size: int, endian: str, audio_chunk: bytes) -> str | None:
    long_size = None
    for name, start, size in _chunks(file, endian):
        if name == b"ds64":  # RF64 keeps the sizes that 32 bits cannot hold: riff size, data size, ...
            fields = file.read(16)
            if len(fields) < 16:
                break
            long_size = struct.unpack("<QQ", fields)[1]
        if name == audio_chunk:
            if long_size is not None and size == 0xFFFFFFFF:
                size = long_size
            elif size == 0 or size >= _STREAMED:
                return None
            present = file_size - start
            if present >= size:
                return None
            return f"its header promises {size} bytes of audio but only {present} are there"
    return "it ends before its audio data begins"


def _check_ogg(file: BinaryIO, file_size: int) -> str | None:
    file.seek(max(0, file_size - _OGG_LARGEST_PAGE))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + _OGG_PAGE_HEADER:
        return "its last Ogg page is incomplete"
    flags, num_segments = tail[page + 5], tail[page + 26]
    lacing = tail[page + _OGG_PAGE_HEADER :][:num_segments]
    if len(lacing) < num_segments or len(tail) < page + _OGG_PAGE_HEADER + num_segments + sum(lacing):
        return "its last Ogg page is incomplete"
    if not flags & _OGG_END_OF_STREAM:
        return "its last Ogg page is not marked as the end of the stream"
    return None


def _check_mp3(file: BinaryIO, file_size: int) -> str | None:
    file.seek(0)
    header = file.read(10)
    start = _mp3_start(header)
    file.seek(start)
    frame = file.read(2048)
    found = [at for at in (frame.find(b"Xing"), frame.find(b"Info")) if at >= 0]
    if not found or len(frame) < min(found) + 16:
        return None
    at = min(found)
    promised = _xing_bytes(frame[at : at + 16])
    if promised is None:
        return None
    present = file_size - start - max(0, frame.rfind(b"\xff", 0, at))  # counted from the frame's sync word
    if present >= promised:
        return None
    return f"its Xing header promises {promised} bytes of MPEG frames but only {present} are there"


def _mp3_start(header: bytes) -> int:
    """Return the byte at which MPEG frames begin: behind the ID3v2 tag, if there is one in the first 10 bytes."""
    if header[:3] != b"ID3" or len(header) < 10:
        return 0
    # The tag's size has 7 bits a byte, so that it never looks like an MPEG sync word.
    a, b, c, d = header[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _xing_bytes(header: bytes) -> int | None:
    """Return how many bytes of frames a Xing header's first 16 bytes promise, None where it does not say."""
    if len(header) < 16:
        return None
    flags, first, second = struct.unpack(">III", header[4:16])
    if not flags & 2:
        return None
    return second if flags & 1 else first  # the frame count, where there is one, comes before it
