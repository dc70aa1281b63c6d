"""Has a sound file lost its tail, or does another stream lie behind its first one?

libsndfile repairs the header of a cut file silently and returns the frames that are left, so a broken download would
pass for a shorter sound. Its log tells what the header promises and what is there. What each format lets one know:

* WAV (RF64, too), AIFF, AU, SVX: the audio's length in bytes. A streaming writer that could not seek back leaves 0 or
  the most that fits there (ffmpeg 0xFFFFFFFF, SoX 0x7FFFF000); then a cut cannot be known.
* W64 (Sony, for WAV beyond 4 GiB): the file's length.
* Ogg (Vorbis, Opus): the last page carries an end-of-stream mark (RFC 3533, section 6), so any cut is known.
* MP3: its frames are counted (see `hypersound_lib.data.mpeg`). Where no header states how many there were, a cut
  between two of them cannot be known.
* NIST SPHERE (TIMIT): the number of samples. Windows Media: the file's length.
* FLAC: the decoder itself reports a missing frame, and ``load_audio`` compares the frames it got with STREAMINFO.
* Any other format: only what libsndfile reports.

The other way round, libsndfile reads only the first of several streams that lie one after the other in a file, such as
chained Ogg as radio stations send it, and ffmpeg does so with MP4 and Windows Media: see `flaws`.
"""

import math
import mmap
import re

_STREAMED = 0x7FFFF000  # a stated size from here on means that the writer did not know
_SIZE = re.compile(r"^ *(RIFF|Riff size|riff|FORM|data|SSND|BODY|Data Size) *: (\d+)(?: \(should be (\d+)\))?$", re.M)
_WHOLE_FILE = ("RIFF", "Riff size", "FORM")
_RF64_FRAMES = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
# How a stream starts: long enough not to occur by chance.
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # and the length of STREAMINFO
_OGG_START = re.compile(rb"OggS\x00\x02")
_OGG_INNER_PAGE = re.compile(rb"OggS\x00[^\x02]", re.DOTALL)
_MP4_START = re.compile(rb"\x00\x00\x00.ftyp", re.DOTALL)
_ASF_START = re.compile(rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel")
_ASF_SIZE = re.compile(rb"\xa1\xdc\xab\x8cG\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c Se.{24}(.{8})", re.DOTALL)


def logged_cut(log: str) -> str | None:
    """Return how libsndfile's log shows that a file's end is missing; None where it is whole or it cannot know."""
    sizes = {name: (int(promised), int(present or promised)) for name, promised, present in _SIZE.findall(log)}
    # What follows the audio may be cut. But the log, of 2048 characters, may not reach down to the audio.
    audio = {name: size for name, size in sizes.items() if name not in _WHOLE_FILE}
    for name, (promised, present) in (audio or sizes).items():
        if promised < _STREAMED or name == "riff":  # of W64, whose sizes have 64 bits
            return _compare(promised, present)
    frames = _RF64_FRAMES.search(log)
    return _compare(int(frames[2]), int(frames[1]), "frames") if frames else None


def flaws(data: mmap.mmap) -> tuple[str | None, int | None]:
    """Return how the bytes of a file, not an MP3, show that its end is missing, and where another stream begins.

    The former only where libsndfile's log does not show it; None stands for neither.
    """
    cut, other = None, None
    if data[:4] == b"OggS":
        page = data[data.rfind(b"OggS") :]
        if len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]) or not page[5] & 4:
            cut = "is truncated, its last Ogg page is incomplete or not marked as the end of the stream"
        first = _OGG_INNER_PAGE.search(data)  # streams that are interleaved all start before it
        other = first and _OGG_START.search(data, first.end())
    elif data[:4] == b"fLaC":
        other = _FLAC_START.search(data, 4)
    elif data[4:8] == b"ftyp":
        other = _MP4_START.search(data, 8)
    elif _ASF_START.match(data):
        size = _ASF_SIZE.search(data, 0, 2**16)
        cut = _compare(int.from_bytes(size[1], "little"), len(data)) if size else None
        other = _ASF_START.search(data, 16)
    elif data[:4] == b"NIST":  # a header of 1024 bytes, with lines such as `sample_count -i 16000`
        fields = dict(re.findall(rb"(\w+) -i (\d+)", data[:1024]))
        numbers = (int(fields.get(name, 1)) for name in (b"sample_count", b"channel_count", b"sample_n_bytes"))
        cut = _compare(math.prod(numbers), len(data) - 1024)
    return cut, other.start() if other else None


def _compare(promised: int, present: int, what: str = "bytes") -> str | None:
    if present >= promised:
        return None
    return f"is truncated, its header promises {promised} {what} but only {present} are there"
