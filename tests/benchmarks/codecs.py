"""Sounds through files: of the local model, and of codecs that people use, as command-line tools, Opus, Codec 2, MP3.

A copy lies in time where its original does: SI-SNR and STOI judge a delay of 20 ms as if the sound were lost. `opusdec`
takes the codec's own delay away; the other decoders leave a known number of samples.

A tool that is not installed is not an error: `available` tells. On Debian: `apt-get install opus-tools codec2 lame`.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypersound_lib.data import load_audio, resample, save_audio
from hypersound_lib.data.waveforms import to_int16
from hypersound_lib.errors import ConfigError
from hypersound_lib.local.model import LocalHyperSound
from tests.benchmarks.common import mean_scores

CODEC2_RATE = 8000  # Hz, the only one
CODEC2_FRAME = 320  # samples: the longest of the modes; c2enc leaves out what does not fill a frame
CODEC2_DELAY = 160  # samples. With it removed, STOI is highest: .69 becomes .88 (3200 bit/s, a voice of VCTK)
MP3_DELAY = 576  # samples at the MP3's own rate, of the encoder; `lame --decode` removes only the decoder's


class CodecCopy(NamedTuple):
    """What a codec made of a sound."""

    copy: Tensor  # (T,), at the original's rate and of its length
    payload_bytes: int  # what was sent: packets, without what the file format adds
    file_bytes: int

    def kbps(self, sample_rate: int) -> float:
        """Return the file's kbit/s, header included."""
        return self.file_bytes / 125 / (len(self.copy) / sample_rate)


def through_file(model: LocalHyperSound, sound: Tensor, kbps: float) -> CodecCopy | None:
    """Compress and decompress a sound `(T,)` at the model's rate; None where no file is as small as that."""
    try:
        data = model.compress(sound, model.config.sample_rate, kbps=kbps)
    except ConfigError:  # it needs more, with its coarsest steps
        return None
    return CodecCopy(model.decompress(data), len(data), len(data))


def through_files(
    model: LocalHyperSound, sounds: Sequence[Tensor], kbps: float, metrics: Sequence[str], at_peak: bool = False
) -> dict:
    """Return how many sounds have a file of at most `kbps`, and of those the mean rate and scores.

    `at_peak` scales original and copy by the original's peak, as metrics with a floor want it.
    """
    coded = [(sound, through_file(model, sound, kbps)) for sound in sounds]
    done = [(sound, file) for sound, file in coded if file is not None]
    if not done:
        return {"files": 0}
    rate, peaks = model.config.sample_rate, [sound.abs().max() if at_peak else 1.0 for sound, _ in done]
    pairs = [(sound / peak, file.copy / peak) for (sound, file), peak in zip(done, peaks, strict=True)]
    mean = sum(file.kbps(rate) for _, file in done) / len(done)
    return {"files": len(done), "kbps": mean} | mean_scores(pairs, rate, metrics)


def available(*tools: str) -> bool:
    """Tell whether all of these tools are installed."""
    return all(shutil.which(tool) for tool in tools)


def opus(waveform: Tensor, sample_rate: int, kbps: float) -> CodecCopy:
    """Send `(T,)` through `opusenc` (libopus, variable rate, frames of 20 ms) and `opusdec`."""

    def code(folder: Path) -> tuple[Path, Path]:
        source = _wav(folder, waveform, sample_rate)
        coded, copy = folder / "coded.opus", folder / "copy.wav"
        _run("opusenc", "--quiet", "--bitrate", f"{kbps}", "--padding", "0", source, coded)
        _run("opusdec", "--quiet", "--force-wav", "--rate", f"{sample_rate}", coded, copy)
        return coded, copy

    return _through(code, waveform, sample_rate, _ogg_payload)


def codec2(waveform: Tensor, sample_rate: int, bits_per_second: int) -> CodecCopy:
    """Send `(T,)` through `c2enc` and `c2dec`, which know 8 kHz alone: `bits_per_second` is 3200, 2400, 1600, …."""
    narrow = to_int16(resample(waveform, sample_rate, CODEC2_RATE))
    behind = CODEC2_DELAY + -(len(narrow) + CODEC2_DELAY) % CODEC2_FRAME
    narrow = torch.nn.functional.pad(narrow, (0, behind))

    def code(folder: Path) -> tuple[Path, Path]:
        source, coded, raw, copy = (folder / name for name in ("in.raw", "coded.c2", "copy.raw", "copy.wav"))
        source.write_bytes(narrow.numpy().tobytes())
        _run("c2enc", f"{bits_per_second}", source, coded)
        _run("c2dec", f"{bits_per_second}", coded, raw)
        save_audio(copy, torch.frombuffer(bytearray(raw.read_bytes()), dtype=torch.int16).float() / 2**15, CODEC2_RATE)
        return coded, copy

    return _through(code, waveform, sample_rate, len, CODEC2_DELAY)


def mp3(waveform: Tensor, sample_rate: int, kbps: int) -> CodecCopy:
    """Send `(T,)` through `lame` (constant rate; it chooses its own sample rate) and its decoder."""

    def code(folder: Path) -> tuple[Path, Path]:
        source = _wav(folder, waveform, sample_rate)
        coded, copy = folder / "coded.mp3", folder / "copy.wav"
        _run("lame", "--quiet", "-b", f"{kbps}", source, coded)
        _run("lame", "--quiet", "--decode", coded, copy)
        return coded, copy

    return _through(code, waveform, sample_rate, len, MP3_DELAY)


def _through(
    code: Callable[[Path], tuple[Path, Path]],
    waveform: Tensor,
    sample_rate: int,
    payload: Callable[[bytes], int],
    delay: int = 0,
) -> CodecCopy:
    """Encode and decode in a temporary folder; `delay` is what the decoder leaves, in samples at its own rate."""
    with tempfile.TemporaryDirectory() as temporary:
        coded, copy = code(Path(temporary))
        played, rate = load_audio(copy)
        data = coded.read_bytes()
    played = resample(played[delay:], rate, sample_rate)[: len(waveform)]
    copy = torch.nn.functional.pad(played, (0, len(waveform) - len(played)))
    return CodecCopy(copy, payload(data), len(data))


def _wav(folder: Path, waveform: Tensor, sample_rate: int) -> Path:
    path = folder / "in.wav"
    save_audio(path, waveform, sample_rate)
    return path


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def _ogg_payload(data: bytes) -> int:
    """Return how many bytes an Ogg file's packets have, less its two headers: sums of the pages' segment tables."""
    at, pages = 0, []
    while data[at : at + 4] == b"OggS":
        segments = data[at + 26]
        size = sum(data[at + 27 : at + 27 + segments])
        pages.append(size)
        at += 27 + segments + size
    return sum(pages[2:])
