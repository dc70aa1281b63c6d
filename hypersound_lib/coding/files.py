"""Sound files to `.hs` files and back, in constant memory: the sound comes in blocks, and is read twice.

The first reading finds length and level, which stand in the header; the second one compresses.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from hypersound_lib.coding.compression import compress_blocks
from hypersound_lib.coding.container import HEADER_BYTES, Header
from hypersound_lib.coding.decompression import decompress_blocks, open_packets, stretch
from hypersound_lib.coding.rate import Rate, Survey, survey
from hypersound_lib.data.audio import opened, read_blocks
from hypersound_lib.data.waveforms import resample_blocks
from hypersound_lib.errors import CodeFileError, ConfigError
from hypersound_lib.files import atomic_path, explain_os_error
from hypersound_lib.progress import progress_bar

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound

SUFFIX = ".hs"


@dataclass(frozen=True)
class SurveyedFile:
    """A sound file, and what its first reading found."""

    path: Path
    sample_rate: int  # Hz, the file's own
    num_samples: int  # at that rate
    measured: Survey  # at the model's rate

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.num_samples / self.sample_rate


def survey_file(model: "LocalHyperSound", path: Path) -> SurveyedFile:
    """Read a sound file for its length and level.

    Raises:
        AudioFileError: the file cannot be read.
    """
    with opened(path) as file:
        rate, estimate = file.samplerate, file.num_frames / file.samplerate
    count = 0

    def counted() -> Iterator[Tensor]:
        nonlocal count
        for block in watched(read_blocks(path), rate, estimate, "measure"):
            count += len(block)
            yield block

    measured = survey(resample_blocks(counted(), rate, model.config.sample_rate), model.config.hop)
    return SurveyedFile(path, rate, count, measured)


def compress_file(model: "LocalHyperSound", source: SurveyedFile, rate: Rate) -> Iterator[bytes]:
    """Yield the content of a `.hs` file, part by part; see `compress_blocks`.

    Raises:
        AudioFileError: the file cannot be read any more.
        ConfigError: the model cannot go as low as the rate; raised at the end, when all is known.
    """
    blocks = watched(read_blocks(source.path), source.sample_rate, source.seconds, "compress")
    heard = resample_blocks(blocks, source.sample_rate, model.config.sample_rate)
    yield from compress_blocks(model, heard, source.measured, source.sample_rate, rate)


def decompress_file(
    model: "LocalHyperSound",
    data: bytes,
    output_rate: int,
    name: str = "the data",
    start: float = 0.0,
    seconds: float | None = None,
) -> Iterator[Tensor]:
    """Yield the sound of a `.hs` file's content, or a stretch of it, block by block; see `decompress_blocks`.

    Raises:
        CodeFileError: it is no such file, another model's, or cut short.
        ConfigError: the stretch begins beyond the end, or is none.
    """
    first, stop = stretch(open_packets(model, data, name)[0].num_samples, model.config.sample_rate, start, seconds)
    played = decompress_blocks(model, data, output_rate, name, start, seconds)
    yield from watched(played, output_rate, (stop - first) / model.config.sample_rate, "decompress")


def write_code_file(path: Path, parts: Iterable[bytes]) -> int:
    """Write the parts of a `.hs` file, and return how many bytes they are. The file appears whole or not at all.

    Raises:
        ConfigError: the name does not end in `.hs`.
        CodeFileError: the disk refuses.
    """
    if path.suffix.lower() != SUFFIX:
        raise ConfigError(f"{path}: a compressed sound is a {SUFFIX} file; choose a name that ends in {SUFFIX}")
    count = 0
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for part in parts:
                count += file.write(part)
    except OSError as error:
        raise CodeFileError(explain_os_error(error, path)) from error
    return count


def read_code_file(path: Path) -> bytes:
    """Return the content of a `.hs` file. Nothing is read beyond the header of what is no such file.

    Raises:
        CodeFileError: there is no such file, or its header is none.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            Header.from_bytes(head, str(path))
            return head + file.read()
    except OSError as error:
        raise CodeFileError(f"{path}: cannot be read ({error.strerror or error}); check the name and folder") from error


def watched(blocks: Iterable[Tensor], sample_rate: int, seconds: float, what: str) -> Iterator[Tensor]:
    """Hand blocks `(T_i,)` on, and at a terminal show in a bar how many of the seconds have passed."""
    shown = "{l_bar}{bar}| {n:.1f}/{total:.1f} s of sound [{elapsed}<{remaining}, {rate_noinv_fmt}]"
    scale = {"total": round(seconds * sample_rate), "unit_scale": 1 / sample_rate, "unit": " s"}  # counts in samples
    with progress_bar(**scale, desc=what, bar_format=shown, disable=not sys.stderr.isatty()) as bar:
        for block in blocks:
            yield block
            bar.update(min(len(block), bar.total - bar.n))  # of some files the length is an estimate
