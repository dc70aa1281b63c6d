"""Codecs that people use, as command-line tools: Opus, Codec 2 and MP3. What a model in bits must beat.

A tool that is not installed is not an error: `available` tells. On Debian: `apt-get install opus-tools codec2 lame`.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypersound_lib.data import load_audio, resample, save_audio
from hypersound_lib.data.audio import to_int16


class CodecCopy(NamedTuple):
    """What a codec made of a sound."""

    copy: Tensor  # (T,), at the original's rate and of its length
    payload_bytes: int  # what was sent: packets, without what the file format adds
    file_bytes: int


def available(*tools: str) -> bool:
    """Tell whether all of these tools are installed."""
    return all(shutil.which(tool) for tool in tools)


def opus(waveform: Tensor, sample_rate: int, kbps: float) -> CodecCopy:
    """Send `(T,)` through `opusenc` (libopus, variable rate, frames of 20 ms) and `opusdec`."""

    def code(folder: Path) -> tuple[Path, Path]:
        source = _wav(folder, waveform, sample_rate)
        coded, copy = folder / "coded.opus", folder / "copy.wav"
        _run("opusenc", "--quiet", "--bitrate", f"{kbps}", source, coded)
        _run("opusdec", "--quiet", "--force-wav", "--rate", f"{sample_rate}", coded, copy)
        return coded, copy

    return _through(code, waveform, sample_rate, _ogg_payload)


def codec2(waveform: Tensor, sample_rate: int, bits_per_second: int) -> CodecCopy:
    """Send `(T,)` through `c2enc` and `c2dec`, which know 8 kHz alone: `bits_per_second` is 3200, 2400, 1600, …."""
    narrow = to_int16(resample(waveform, sample_rate, 8000))
    with tempfile.TemporaryDirectory() as temporary:
        source, coded, copy = (Path(temporary) / name for name in ("in.raw", "coded.c2", "copy.raw"))
        source.write_bytes(narrow.numpy().tobytes())
        _run("c2enc", f"{bits_per_second}", source, coded)
        _run("c2dec", f"{bits_per_second}", coded, copy)
        played = torch.frombuffer(bytearray(copy.read_bytes()), dtype=torch.int16).float() / 2**15
        size = coded.stat().st_size
    return CodecCopy(_as_long(resample(played, 8000, sample_rate), len(waveform)), size, size)


def mp3(waveform: Tensor, sample_rate: int, kbps: int) -> CodecCopy:
    """Send `(T,)` through `lame` (constant rate; it chooses its own sample rate) and its decoder."""

    def code(folder: Path) -> tuple[Path, Path]:
        source = _wav(folder, waveform, sample_rate)
        coded, copy = folder / "coded.mp3", folder / "copy.wav"
        _run("lame", "--quiet", "-b", f"{kbps}", source, coded)
        _run("lame", "--quiet", "--decode", coded, copy)
        return coded, copy

    return _through(code, waveform, sample_rate, lambda data: len(data))


def _through(
    code: Callable[[Path], tuple[Path, Path]], waveform: Tensor, sample_rate: int, payload: Callable[[bytes], int]
) -> CodecCopy:
    with tempfile.TemporaryDirectory() as temporary:
        coded, copy = code(Path(temporary))
        played, _ = load_audio(copy, sample_rate)
        played = _aligned(played, waveform)
        data = coded.read_bytes()
    return CodecCopy(_as_long(played, len(waveform)), payload(data), len(data))


def _wav(folder: Path, waveform: Tensor, sample_rate: int) -> Path:
    path = folder / "in.wav"
    save_audio(path, waveform, sample_rate)
    return path


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def _aligned(played: Tensor, waveform: Tensor) -> Tensor:
    """Take away a codec's delay, where its decoder leaves it in: shift to the largest correlation within 0.2 s."""
    size = len(played) + len(waveform)
    spectra = [torch.fft.rfft(signal, size) for signal in (played, waveform)]
    correlation = torch.fft.irfft(spectra[0] * spectra[1].conj(), size)
    return played[int(correlation[: max(1, len(waveform) // 20)].argmax()) :]


def _as_long(sound: Tensor, count: int) -> Tensor:
    return torch.nn.functional.pad(sound[:count], (0, max(0, count - len(sound))))


def _ogg_payload(data: bytes) -> int:
    """Return how many bytes an Ogg file's packets have, less its two headers: sums of the pages' segment tables."""
    at, pages = 0, []
    while data[at : at + 4] == b"OggS":
        segments = data[at + 26]
        size = sum(data[at + 27 : at + 27 + segments])
        pages.append(size)
        at += 27 + segments + size
    return sum(pages[2:])
