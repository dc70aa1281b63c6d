"""Has a sound file lost its tail? Compare what its container promises with the bytes that are there.

libsndfile repairs the header of a cut WAV, AIFF or Ogg file silently and returns the frames that are left, so
a broken download would pass for a shorter sound. What each format lets one know:

* WAV (RIFF, RIFX, RF64, BW64) and AIFF: the audio chunk states its length in bytes. A streaming writer that could
  not seek back leaves 0 or the most that fits there (ffmpeg 0xFFFFFFFF, SoX 0x7FFFF000); then a cut cannot be known.
* Ogg (Vorbis, Opus): the last page carries an end-of-stream mark (RFC 3533, section 6), so any cut is known.
* MP3: its frames are counted (see `hypersound_lib.data.mpeg`). Where no header states how many there were, a cut
  between two of them cannot be known.
* W64 (Sony, for WAV beyond 4 GiB) and SVX: as WAV and AIFF.
* AU, NIST SPHERE (TIMIT), Windows Media: the header states a length, of the sound in bytes or samples, or of the file.
* FLAC: the decoder itself reports a missing frame, and ``load_audio`` compares the frames it got with STREAMINFO.
* Any other format: only what libsndfile reports.

The other way round, libsndfile reads only the first of several streams that lie one after the other in a file, such as
chained Ogg as radio stations send it, and ffmpeg does so with MP4 and Windows Media: see `second_stream`.
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
_MP4_START = re.compile(rb"\x00\x00\x00.ftyp", re.DOTALL)
_ASF_MAGIC = b"0&\xb2u"
_ASF_PROPERTIES = re.compile(rb"\xa1\xdc\xab\x8cG\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c Se.{24}(.{8})", re.DOTALL)
_ASF_START = re.compile(rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel")
_OGG_INNER_PAGE = re.compile(rb"OggS\x00[^\x02]", re.DOTALL)


def missing_tail(path: Path) -> str | None:
    """Return how a file, not an MP3, shows that its end is missing; None where it is whole or the format cannot know.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
            return _check_chunks(file, size, ">" if magic == b"RIFX" else "<", b"data")
        if magic == b"FORM":
            is_svx = file.read(8)[4:] in (b"8SVX", b"16SV")  # of Amiga computers
            return _check_chunks(file, size, ">", b"BODY" if is_svx else b"SSND")
        if magic == b"riff":
            return _check_w64(file, size)
        if magic == b"OggS":
            return _check_ogg(file, size)
        if magic == b".snd":
            first, promised = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
            return None if promised >= _STREAMED else _compare(promised, size - first)
        if magic == _ASF_MAGIC:
            properties = _ASF_PROPERTIES.search(file.read(2**16))
            return properties and _compare(int.from_bytes(properties[1], "little"), size)
        if magic == b"NIST":
            return _check_sphere(file, size)
    return None


def second_stream(path: Path) -> int | None:
    """Return the byte at which another stream begins behind the first one of a file, neither empty nor MP3, or None.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = None
        if data[:4] == b"fLaC":
            found = _FLAC_START.search(data, 4)
        elif data[:4] == b"OggS":  # streams that are interleaved all start before the first page that starts none
            first = _OGG_INNER_PAGE.search(data)
            found = first and _OGG_START.search(data, first.end())
        elif data[4:8] == b"ftyp":
            found = _MP4_START.search(data, 8)
        elif _ASF_START.match(data):
            found = _ASF_START.search(data, 16)
        return found.start() if found else None


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
            return _compare(size, file_size - start)
    return "is truncated, it ends before its audio data begins"


def _check_w64(file: BinaryIO, file_size: int) -> str | None:
    """Go through chunks of a 16-byte name, the size with its 24 bytes of header, and the content up to 8 bytes' end."""
    file.seek(40)
    while len(header := file.read(24)) == 24:  # none behind the file's end, to where a damaged size may lead
        size = int.from_bytes(header[16:], "little")
        if header.startswith(b"data"):
            return _compare(size - 24, file_size - file.tell()) if size < 2**62 else None
        file.seek(min(file.tell() + max(size, 24) - 24 + -size % 8, file_size))
    return "is truncated, it ends before its audio data begins"


def _compare(promised: int, present: int) -> str | None:
    if present >= promised:
        return None
    return f"is truncated, its header promises {promised} bytes of audio but only {present} are there"


def _check_sphere(file: BinaryIO, file_size: int) -> str | None:
    """Compare with a header of lines such as `sample_count -i 16000`, as long as its second line says."""
    fields = dict(re.findall(rb"(\w+) -i (\d+)", b"NIST" + file.read(1020)))
    promised = 1
    for name in (b"sample_count", b"channel_count", b"sample_n_bytes"):
        promised *= int(fields.get(name, 1))
    # Compressed ones are shorter; libsndfile does not read them.
    return _compare(promised, file_size - 1024) if b"sample_count" in fields else None


def _check_ogg(file: BinaryIO, file_size: int) -> str | None:
    file.seek(max(0, file_size - _OGG_LARGEST_PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]  # one byte where there is none
    if len(page) < _OGG_PAGE_HEADER or len(page) < _OGG_PAGE_HEADER + page[26] + sum(page[27 : 27 + page[26]]):
        return "is truncated, its last Ogg page is incomplete"
    if not page[5] & _OGG_END_OF_STREAM:
        return "is truncated, its last Ogg page is not marked as the end of the stream"
    return None
