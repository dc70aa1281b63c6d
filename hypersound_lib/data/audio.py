"""Sound files to waveforms: decoded to mono by libsndfile, through soundfile."""

import io
import mmap
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from hypersound_lib.data.mpeg import AllFrames, scan
from hypersound_lib.data.truncation import flaws, logged_cut
from hypersound_lib.data.waveforms import LOUDEST, resample
from hypersound_lib.errors import HIGHEST_RATE, LOWEST_RATE, AudioFileError
from hypersound_lib.files import name_in_text

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
    >>> save_audio(path, torch.zeros(44100), 44100)
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


def read_blocks(path: Path, size: int = 2**18) -> Iterator[Tensor]:
    """Decode a sound file to mono, block by block: what `load_audio` gives, or raises, as blocks `(≤ size,)`."""
    with opened(path) as file:
        yield from map(torch.from_numpy, mono_blocks(path, file, size))


def mono_blocks(path: Path, file: "Reader", size: int = 2**18) -> Iterator[np.ndarray]:
    """Decode an opened file to its end, as the mean of its channels: `(≤ size,)`, ….

    In blocks, because some decoders cannot say how much there will be (GSM 6.10, G.721), and because a header that
    promises too much must not take memory.
    """
    count, of_channels, of_mean = 0, 0.0, 0.0
    while len(frames := file.read(max(1, size // file.channels), dtype="float32", always_2d=True)):
        usable = (np.abs(frames) <= LOUDEST).all(axis=1)  # NaN is not
        if not usable.all():
            at = int(np.flatnonzero(~usable)[0])
            largest = np.abs(frames[at]).max()
            what = f"{largest:.3g}, where full scale is 1" if np.isfinite(largest) else "NaN or Inf"
            raise AudioFileError(f"{path}: sample {count + at} is {what}. Repair the file or leave it out.")
        block = np.ascontiguousarray(frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1))
        count += len(block)
        of_channels, of_mean = of_channels + float(np.vdot(frames, frames)), of_mean + float(np.vdot(block, block))
        yield block
    if file.channels > 1 and of_mean * file.channels < _CANCELLED * of_channels:  # which would pass for silence
        raise AudioFileError(
            f"{path}: its {file.channels} channels cancel when they are averaged, as where one is the other's "
            f"negative. Keep one of them: ffmpeg -i {path} -af 'pan=mono|c0=c0' one.flac"
        )
    if not count:
        raise AudioFileError(f"{path}: holds no samples. Leave it out or record it again.")
    if count < file.num_frames:
        raise AudioFileError(f"{path}: is truncated, {count} of {file.num_frames} frames. Copy or download it again.")


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


def _check_there(path: Path) -> None:
    if not path.exists():
        raise AudioFileError(f"{path}: no such file. Check the path (the working folder is {Path.cwd()}).")
    if path.is_dir():
        raise AudioFileError(f"{path}: is a folder, not a sound file. Use load_dataset for a folder.")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path}: is empty (0 bytes). Copy or download it again.")


def _refuse_cut(path: Path, fault: str | None) -> None:
    if fault is not None:
        raise AudioFileError(f"{path}: {fault}. Copy, download or encode it again.")


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a sound file to decode it, and say what is wrong with it where that fails.

    Raises:
        AudioFileError: the file is missing, empty, truncated, not audio, unreadable, or states an impossible rate.
    """
    from hypersound_lib.data.ffmpeg import as_wav, foreign_format  # needed here alone, not by what imports this module

    try:
        _check_there(path)
        with open(path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
            mpeg, foreign = scan(data), foreign_format(data)
            fault, other = (mpeg.fault, mpeg.second) if mpeg else flaws(data)
        _refuse_cut(path, fault)
        if other is not None:
            raise AudioFileError(
                f"{path}: another stream begins at byte {other}, of which nothing would be read. Cut it there: "
                f"head -c {other} {path} > first{path.suffix}; tail -c +{other + 1} {path} > second{path.suffix}"
            )
        counted = mpeg.num_samples if mpeg and not mpeg.is_stated else None
        source: AbstractContextManager[str | io.RawIOBase] = name_in_text(path)
        if foreign is not None:
            source = as_wav(path, foreign)
        elif mpeg and counted is not None:
            source = AllFrames(path, mpeg)
        with source as name, Reader(name, counted) as file:
            _refuse_cut(path, logged_cut(file.extra_info))
            if file.num_frames > _UNKNOWN_LENGTH:
                raise AudioFileError(f"{path}: does not state its length. Encode it again, into a seekable file.")
            if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
                limits = f"a recording has from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
                raise AudioFileError(f"{path}: its header says {file.samplerate} Hz; {limits}. Repair the header.")
            yield file
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read ({error}). Check its permissions and the disk.") from error
    # TypeError: a headerless .raw file; the others: a header's number that is out of every range.
    except (soundfile.SoundFileError, TypeError, ValueError, OverflowError) as error:
        remedy = f"It is truncated, damaged, not a sound file or of a rare format: ffmpeg -i {path} {path.stem}.flac"
        raise AudioFileError(f"{path}: cannot be decoded as audio ({error}). {remedy}") from error
