"""Waveforms to sound files, which appear whole or not at all: on a full disk, too, and where samples are not finite."""

import io
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor

from hypersound_lib.data.waveforms import as_real, to_int16
from hypersound_lib.errors import AudioFileError, ConfigError, check_sample_rate
from hypersound_lib.files import atomic_path, explain_os_error, name_in_text

_FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
WRITE_BLOCK = 65536  # libsndfile's Vorbis encoder overflows its stack when a long sound comes in one piece


def save_audio(path: str | os.PathLike, waveform: Tensor, sample_rate: int) -> None:
    """Write a mono waveform as ``.wav`` or ``.flac`` (16 bit) or ``.ogg`` (Vorbis).

    The file appears whole or not at all. Samples outside [−1, 1] are clipped with a warning, never wrapped around.

    Args:
        path: where to write; the suffix chooses the format.
        waveform: ``(T,)``, a tensor or array of floats.
        sample_rate: in Hz.

    Raises:
        ValueError: `waveform` is not one-dimensional.
        ConfigError: the suffix or the rate cannot be written, or the samples are not floating-point numbers.
        AudioFileError: the waveform is empty or holds NaN or Inf, or the disk refuses (full, no permission).
    """
    path = Path(path)
    waveform = as_real(torch.as_tensor(waveform)).detach().to("cpu", torch.float32)
    if waveform.ndim != 1:
        raise ValueError(f"save_audio writes one waveform (T,), not {tuple(waveform.shape)}; pick one of the batch")
    _, clipped = write_blocks(path, [waveform], sample_rate)
    if clipped:
        warnings.warn(
            f"{path}: {clipped} of {len(waveform)} samples lie outside [-1, 1] (peak {waveform.abs().max():.3g}) and "
            "were clipped; call peak_normalize first to keep the shape",
            stacklevel=2,
        )


def write_blocks(path: Path, blocks: Iterable[Tensor], sample_rate: int) -> tuple[int, int]:
    """Write blocks `(T_i,)` into one file, as `save_audio` does their join; return how many samples, and how many clip.

    The file appears whole or not at all.

    Raises:
        ConfigError: the suffix or the rate cannot be written.
        AudioFileError: there are no samples, one of them is NaN or Inf, or the disk refuses.
    """
    container, subtype = format_of(path, sample_rate)
    count = clipped = 0

    def encoded() -> Iterator[Tensor]:
        nonlocal count, clipped
        for block in blocks:
            if not block.isfinite().all():
                bad = count + int((~block.isfinite()).nonzero()[0])
                raise AudioFileError(f"{path}: sample {bad} is NaN or Inf; nothing was saved")
            clipped += int((block.abs() > 1).sum())
            count += len(block)
            samples = block.clamp(-1, 1)
            yield from (samples if subtype == "VORBIS" else to_int16(samples)).split(WRITE_BLOCK)

    try:
        with atomic_path(path) as temporary:
            _encode(temporary, encoded(), sample_rate, container, subtype)
            if not count:
                raise AudioFileError(
                    f"{path}: nothing to save, the sound is empty at {sample_rate} Hz. Choose a higher rate"
                )
            with name_in_text(temporary) as name:
                kept = soundfile.info(name).frames
            if kept != count:
                raise AudioFileError(f"{path}: only {kept} of {count} samples were kept. Check the disk.")
    except soundfile.SoundFileError as error:
        raise ConfigError(f"{path}: cannot write {container} at {sample_rate} Hz ({error})") from error
    except OSError as error:
        raise AudioFileError(explain_os_error(error, path)) from error
    return count, clipped


def format_of(path: Path, sample_rate: int) -> tuple[str, str]:
    """Return the container and the encoding of a file to write, which its suffix chooses; ask before long work, too.

    Raises:
        ConfigError: the suffix or the rate cannot be written.
    """
    if path.suffix.lower() not in _FORMATS:
        raise ConfigError(f"{path}: cannot write {path.suffix!r} files; use one of {', '.join(_FORMATS)}")
    container, subtype = _FORMATS[path.suffix.lower()]
    check_sample_rate(sample_rate)
    # Beyond these, libsndfile's Vorbis encoder crashes, and its FLAC encoder writes what its decoder cannot read.
    flac = "up to 65535 Hz, and multiples of 10 Hz up to 655350 Hz"
    limits = {"OGG": (200_000, "up to 200000 Hz"), "FLAC": (65_535 if sample_rate % 10 else 655_350, flac)}
    if container in limits and sample_rate > limits[container][0]:
        remedy = f"it takes {limits[container][1]}. Choose another rate, or .wav"
        raise ConfigError(f"{path}: cannot write {container} at {sample_rate} Hz; {remedy}")
    return container, subtype


def _encode(path: Path, blocks: Iterable[Tensor], sample_rate: int, container: str, subtype: str) -> None:
    with _Output(path, "w+b") as output:
        try:
            with soundfile.SoundFile(output, "w", sample_rate, 1, subtype, format=container) as file:
                for block in blocks:
                    file.write(block.numpy())
                    output.check()
        finally:  # before libsndfile's own error, which is "System error", if there is one
            output.check()


class _Output(io.FileIO):
    """A file that libsndfile writes to. It passes over errors, even of the last bytes: the first one is kept here."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, or as much as there is room for."""
        written = 0
        try:
            while written < len(data):
                written += super().write(data[written:])
        except OSError as error:
            self.error = self.error or error
        return written

    def check(self) -> None:
        """Raise the error that was met, if any."""
        if self.error is not None:
            raise self.error
