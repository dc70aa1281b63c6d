"""Sound files to waveforms: decode to mono, resample, normalise, quantise.

Decoding is libsndfile's (through soundfile), resampling is soxr's high-quality preset, as in the paper's "Data".
"""

import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.data.mpeg import all_frames, scan
from hypersound_lib.data.os_errors import name_in_text
from hypersound_lib.data.truncation import missing_tail, second_stream
from hypersound_lib.errors import (
    HIGHEST_RATE,
    LOWEST_RATE,
    AudioFileError,
    ConfigError,
    check_sample_rate,
)

_FULL_SCALE = 2**15  # int16 steps from 0 to full scale
LOUDEST = 1e12  # 240 dB above full scale: no sound, and its square is still far from the largest float32
_CANCELLED = 1e-6  # -60 dB; of channels that have nothing in common, the mean has 1 / count
_UNKNOWN_LENGTH = 2**62  # libsndfile's frame count for a FLAC stream that states none is above this


def load_audio(path: str | os.PathLike, sample_rate: int | None = None) -> tuple[Tensor, int]:
    """Decode a sound file to a mono waveform: its channels' mean, resampled if asked.

    WAV, FLAC, Ogg Vorbis, Opus, MP3 and AIFF are read, and M4A, AAC, WebM, WMA and AMR where ffmpeg is installed. A
    file whose end is missing is refused wherever its format can know (see `hypersound_lib.data.truncation`); a WAV from
    a streaming writer cannot, nor an MP3 without a Xing header that was cut between two frames.

    Args:
        path: the file.
        sample_rate: rate to return, in Hz; None keeps the file's own.

    Returns:
        ``(waveform (T,) float32, sample_rate)``; full scale is ±1, not clipped.

    Raises:
        AudioFileError: the file is missing, empty, truncated, not audio, unreadable, holds NaN or Inf, or its channels
            cancel.
        ConfigError: `sample_rate` is no whole number from 100 to 1 000 000.

    >>> import tempfile
    >>> from hypersound_lib.data.writing import save_audio
    >>> path = Path(tempfile.mkdtemp()) / "tone.wav"
    >>> _ = save_audio(path, torch.zeros(44100), 44100)
    >>> waveform, rate = load_audio(path, 22050)
    >>> waveform.shape, rate
    (torch.Size([22050]), 22050)
    """
    path = Path(path)
    with opened(path) as file:
        waveform, file_rate = torch.from_numpy(np.concatenate(list(mono_blocks(path, file)))), file.samplerate
    if sample_rate is None:
        return waveform, file_rate
    return resample(waveform, file_rate, sample_rate), sample_rate


def mono_blocks(path: Path, file: "Reader", size: int = 2**18) -> Iterator[np.ndarray]:
    """Decode an opened file to its end, as the mean of its channels: `(≤ size,)`, ….

    In blocks, because some decoders cannot say how much there will be (GSM 6.10, G.721), and because a header that
    promises too much must not take memory.

    Raises:
        AudioFileError: there are no frames or fewer than promised, a sample is unusable, or the channels cancel.
    """
    count, of_channels, of_mean = 0, 0.0, 0.0
    while len(frames := file.read(max(1, size // file.channels), dtype="float32", always_2d=True)):
        block = _mono(path, frames, count)
        count += len(block)
        of_channels, of_mean = of_channels + _energy(frames), of_mean + _energy(block)
        yield block
    _check_channels(path, file.channels, of_channels, of_mean)
    if not count:
        raise AudioFileError(f"{path}: holds no samples. Leave it out or record it again.")
    if count < file.num_frames:
        raise AudioFileError(f"{path}: is truncated, {count} of {file.num_frames} frames. Copy or download it again.")


def _mono(path: Path, frames: np.ndarray, first: int = 0) -> np.ndarray:
    """Return the mean of channels, `(T, C) -> (T,)`; `first` is the number of the first frame, for messages.

    Raises:
        AudioFileError: a sample is NaN, Inf, or so large that energies would overflow.
    """
    usable = (np.abs(frames) <= LOUDEST).all(axis=1)  # NaN is not
    if not usable.all():
        at = int(np.flatnonzero(~usable)[0])
        largest = np.abs(frames[at]).max()
        what = f"{largest:.3g}, where full scale is 1" if np.isfinite(largest) else "NaN or Inf"
        raise AudioFileError(f"{path}: sample {first + at} is {what}. Repair the file or leave it out.")
    return np.ascontiguousarray(frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1))


def _energy(samples: np.ndarray) -> float:
    """Return the sum of squares."""
    return float(np.vdot(samples, samples))


def _check_channels(path: Path, count: int, of_channels: float, of_mean: float) -> None:
    """Refuse a file whose channels cancel: their mean would pass for a recording of silence.

    Args:
        path: of the file.
        count: how many channels it has.
        of_channels: energy of all of them, added up.
        of_mean: energy of their mean.

    Raises:
        AudioFileError: the mean is more than 60 dB below the channels.
    """
    if count > 1 and of_mean * count < _CANCELLED * of_channels:
        raise AudioFileError(
            f"{path}: its {count} channels cancel when they are averaged, as where one is the other's negative. "
            f"Keep one of them: ffmpeg -i {path} -af 'pan=mono|c0=c0' one.flac"
        )


def resampled_length(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Return ⌊T · to_rate / from_rate + ½⌋ in exact integers, the one rule for how long a sound is at another rate.

    Raises:
        ConfigError: a rate is no whole number from 100 to 1 000 000.

    >>> resampled_length(480, 48000, 22050)  # 220.5, where soxr's own rounding gives 220
    221
    """
    check_sample_rate(from_rate, to_rate)
    return (2 * num_samples * to_rate + from_rate) // (2 * from_rate)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Return `waveform` at another rate by soxr's high-quality resampler (paper, "Data").

    Shape:
        ``(..., T) -> (..., T')``, float32 on the CPU; T' is `resampled_length`.

    Raises:
        ConfigError: a rate is no whole number from 100 to 1 000 000, the result is not finite, or the waveform wants a
            gradient, which soxr does not pass.

    >>> resample(torch.zeros(2, 48000), 48000, 22050).shape
    torch.Size([2, 22050])
    """
    waveform = as_real(waveform)
    *batch, num_samples = waveform.shape
    total = resampled_length(num_samples, from_rate, to_rate)
    if from_rate == to_rate:
        return waveform
    if waveform.requires_grad:
        raise ConfigError("resampling passes no gradient on: call it with waveform.detach()")
    columns = waveform.reshape(-1, num_samples).T.to("cpu", torch.float32).contiguous().numpy()  # (T, B)
    columns = soxr.resample(columns, from_rate, to_rate, quality="HQ")
    if not np.isfinite(columns).all():
        raise ConfigError(f"at {to_rate} Hz the sound is not finite: it holds NaN or Inf, or is too loud to resample")
    rows = torch.from_numpy(np.ascontiguousarray(columns.T))[:, :total]
    # soxr may be a sample short, where the exact length lies halfway between two.
    return functional.pad(rows, (0, total - rows.shape[1])).reshape(*batch, total)


def as_real(waveform: Tensor) -> Tensor:
    """Return a waveform, or a batch of them, whose full scale is ±1: float32 and float64 as they are, half as float32.

    Raises:
        ConfigError: it is not of real floating-point numbers.

    >>> as_real(torch.zeros(3, dtype=torch.int16))
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: a waveform is of floating-point numbers ... from_int16 converts it
    """
    if not waveform.is_floating_point():
        remedy = "from_int16 converts it" if waveform.dtype == torch.int16 else "convert it first"
        raise ConfigError(f"a waveform is of floating-point numbers with full scale ±1, not {waveform.dtype}; {remedy}")
    return waveform if waveform.dtype == torch.float64 else waveform.float()


def as_sound(waveform: Tensor) -> Tensor:
    """Return what was given as a waveform on the CPU, `(T,)` float32, or say why it is none.

    Raises:
        ConfigError: it is not `(T,)` with T ≥ 1, not real, or holds NaN or Inf.

    >>> as_sound(torch.tensor([1.0, float("nan")]))
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: sample 1 of the sound is NaN or Inf
    """
    # A copy where an array runs backwards, which no tensor does.
    waveform = torch.as_tensor(waveform.copy() if isinstance(waveform, np.ndarray) else waveform).detach()
    if waveform.ndim != 1 or not len(waveform) or waveform.is_complex():
        raise ConfigError(f"a sound is a waveform (T,) of real numbers, not {waveform.dtype} {tuple(waveform.shape)}")
    waveform = as_real(waveform).to("cpu", torch.float32)
    if not waveform.isfinite().all():
        raise ConfigError(f"sample {int((~waveform.isfinite()).nonzero()[0])} of the sound is NaN or Inf")
    return waveform


def peak_normalize(waveform: Tensor, peak: float = 1.0) -> Tensor:
    """Scale each waveform so that its largest magnitude is `peak`; digital silence stays silent.

    Shape:
        ``(..., T) -> (..., T)``; each row of a batch has its own gain.

    >>> peak_normalize(torch.tensor([[0.1, -0.2], [0.0, 0.0]]))
    tensor([[ 0.5000, -1.0000],
            [ 0.0000,  0.0000]])
    """
    waveform = as_real(waveform)
    largest = waveform.abs().amax(dim=-1, keepdim=True)
    # Divide before scaling: the reciprocal of a subnormal peak would overflow.
    return waveform / torch.where(largest > 0, largest, torch.ones_like(largest)) * peak


def to_int16(waveform: Tensor) -> Tensor:
    """Quantise full scale ±1 to 16 bit, rounding to nearest; what lies outside saturates, it never wraps.

    Shape:
        ``(...) float -> (...) int16``

    Raises:
        ConfigError: the waveform is not of floating-point numbers, or holds NaN.

    >>> to_int16(torch.tensor([-2.0, -0.5, 0.0, 1.0]))
    tensor([-32768, -16384,      0,  32767], dtype=torch.int16)
    """
    waveform = as_real(waveform)
    if waveform.isnan().any():
        raise ConfigError("NaN has no value in 16 bits; repair the waveform first")
    return (waveform * _FULL_SCALE).round().clamp(-_FULL_SCALE, _FULL_SCALE - 1).to(torch.int16)


def from_int16(samples: Tensor) -> Tensor:
    """Return 16-bit samples at full scale ±1, float32: exactly what decoding a 16-bit file gives.

    Raises:
        ConfigError: the samples are not int16.

    >>> from_int16(torch.tensor([-32768, 16384], dtype=torch.int16))
    tensor([-1.0000,  0.5000])
    """
    if samples.dtype != torch.int16:
        raise ConfigError(f"16-bit samples are torch.int16, not {samples.dtype}")
    return samples.to(torch.float32) / _FULL_SCALE


class Reader(soundfile.SoundFile):
    """A sound file that is decoded from its beginning to its end, `num_frames` in all.

    Other than soundfile's, it does not seek after each block to where it is, which in MP3 changes samples.
    """

    def __init__(self, source: str | io.RawIOBase, num_frames: int | None = None):
        super().__init__(source)
        self.num_frames = self.frames if num_frames is None else num_frames

    def seekable(self) -> bool:
        """Tell that it is read in order."""
        return False


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a sound file to decode it, and say what is wrong with it where that fails.

    Raises:
        AudioFileError: the file is missing, empty, truncated, not audio, unreadable, or states an impossible rate.
    """
    from hypersound_lib.data.ffmpeg import as_wav, foreign_format  # needed here alone, not by what imports this module

    try:
        if not path.exists():
            raise AudioFileError(f"{path}: no such file. Check the path (the working folder is {Path.cwd()}).")
        if path.is_dir():
            raise AudioFileError(f"{path}: is a folder, not a sound file. Use load_dataset for a folder.")
        if path.stat().st_size == 0:
            raise AudioFileError(f"{path}: is empty (0 bytes). Copy or download it again.")
        mpeg = scan(path)
        if (fault := missing_tail(path) if mpeg is None else mpeg.fault) is not None:
            raise AudioFileError(f"{path}: {fault}. Copy, download or encode it again.")
        if (other := second_stream(path) if mpeg is None else mpeg.second) is not None:
            raise AudioFileError(
                f"{path}: another stream begins at byte {other}, of which nothing would be read. Cut it there: "
                f"head -c {other} {path} > first{path.suffix}; tail -c +{other + 1} {path} > second{path.suffix}"
            )
        foreign, counted = foreign_format(path), None
        source: AbstractContextManager[str | io.RawIOBase] = name_in_text(path)
        if foreign is not None:
            source = as_wav(path, foreign)
        elif mpeg is not None and not mpeg.is_stated:
            source, counted = all_frames(path, mpeg), mpeg.num_samples
        with source as name, Reader(name, counted) as file:
            if file.num_frames > _UNKNOWN_LENGTH:
                raise AudioFileError(f"{path}: does not state its length. Encode it again, into a seekable file.")
            if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
                limits = f"a recording has from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
                raise AudioFileError(f"{path}: its header says {file.samplerate} Hz; {limits}. Repair the header.")
            yield file
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read ({error}). Check its permissions and the disk.") from error
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a headerless .raw file
        remedy = f"It is truncated, damaged, not a sound file or of a rare format: ffmpeg -i {path} {path.stem}.flac"
        raise AudioFileError(f"{path}: cannot be decoded as audio ({error}). {remedy}") from error
