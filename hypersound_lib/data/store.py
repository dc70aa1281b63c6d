"""Recordings decoded once and held as 16-bit integers, in memory or memory-mapped.

An hour of 22 050 Hz mono takes 159 MB. All recordings lie end to end in one flat array:

    samples   |---- recording 0 ----|-- recording 1 --|------ recording 2 ------|
    offsets   0                     a                 b                         c
"""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.data.audio import load_audio
from hypersound_lib.data.layouts import Recording
from hypersound_lib.data.os_errors import explain_os_error
from hypersound_lib.data.waveforms import from_int16, peak_normalize, to_int16
from hypersound_lib.errors import AudioFileError, ConfigError, DatasetError, check_sample_rate
from hypersound_lib.progress import progress_bar

_SAMPLES_FILE = "samples.int16"
_INDEX_FILE = "index.json"
_FORMAT = 1
_LISTED = 10  # recordings that a message names


class AudioStore:
    """Waveforms of many recordings at one rate, read by number.

    Made by `build_store` or `open_store`.

    Args:
        samples: ``(total,)`` int16, every recording end to end.
        offsets: ``(N + 1,)`` int64, where each begins and the last ends.
        sample_rate: in Hz.
        names: N file names, for messages.
        speakers: N speakers, empty where unknown.
        folder: where it lies on disk; None when in memory.
    """

    def __init__(
        self,
        samples: Tensor,
        offsets: np.ndarray,
        sample_rate: int,
        names: Sequence[str],
        speakers: Sequence[str],
        folder: Path | None = None,
    ) -> None:
        self.samples = samples
        self.offsets = offsets
        self.sample_rate = sample_rate
        self.names = tuple(names)
        self.speakers = tuple(speakers)
        self.folder = folder

    def __len__(self) -> int:
        return len(self.names)

    @property
    def lengths(self) -> np.ndarray:
        """``(N,)`` samples of each recording."""
        return np.diff(self.offsets)

    def read(self, index: int, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Return samples of one recording at full scale ±1, float32.

        Args:
            index: which recording.
            start: its first sample to read.
            num_samples: how many; None reads to its end.

        Returns:
            ``(num_samples,)``, or fewer where the recording ends: it never runs on into the next.

        Raises:
            IndexError: there is no such recording.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"recording {index} of a store of {len(self)}")
        begin, end = self.offsets[index] + start, self.offsets[index + 1]
        if num_samples is not None:
            end = min(end, begin + num_samples)
        return from_int16(self.samples[begin:end])

    def __reduce__(self):
        # A worker process that is not forked gets the folder's name and maps the file itself. In memory, torch moves
        # the samples to shared memory; either way workers hold no copy.
        if self.folder is not None:
            return open_store, (self.folder,)
        return AudioStore, (self.samples, self.offsets, self.sample_rate, self.names, self.speakers)


def build_store(
    recordings: Sequence[Recording],
    sample_rate: int,
    folder: str | os.PathLike | None = None,
    *,
    normalize: bool = False,
    progress: bool = False,
) -> AudioStore:
    """Decode recordings once and hold them as 16-bit integers; what cannot be decoded is left out, with one warning.

    Args:
        recordings: what to decode, such as ``load_dataset("mini").recordings``.
        sample_rate: to resample to, in Hz.
        folder: write and memory-map it there. A store of the same files, rate and scale is opened, another replaced.
        normalize: bring each recording's peak to 1; otherwise what lies outside [−1, 1] saturates.
        progress: show a bar.

    Raises:
        AudioFileError: no recording can be decoded.
        ConfigError: there is no such rate.
        DatasetError: there are no recordings, or `folder` cannot be written or holds something else.
    """
    check_sample_rate(sample_rate)
    if not recordings:
        raise DatasetError("a store needs at least one recording; got none")
    source = _fingerprint(recordings, sample_rate, normalize)
    if folder is None:
        decoded = list(_decode_each(recordings, sample_rate, normalize, progress))
        kept, pieces = zip(*decoded, strict=True)
        return AudioStore(torch.cat(pieces), _offsets([len(piece) for piece in pieces]), sample_rate, *_describe(kept))
    folder = Path(folder)
    if (folder / _INDEX_FILE).is_file() and _read_index(folder).get("source") == source:
        return open_store(folder)
    try:
        _write_store(folder, recordings, sample_rate, normalize, progress, source)
    except OSError as error:
        raise DatasetError(explain_os_error(error, folder)) from error
    return open_store(folder)


def open_store(folder: str | os.PathLike) -> AudioStore:
    """Memory-map a store that `build_store` wrote.

    Raises:
        DatasetError: the folder holds no whole store.
    """
    folder = Path(folder)
    index = _read_index(folder)
    offsets = np.array(index["offsets"], dtype=np.int64)
    path = folder / _SAMPLES_FILE
    expected = int(offsets[-1]) * 2
    if not path.is_file() or path.stat().st_size != expected:
        raise DatasetError(f"{path}: is missing or not {expected} bytes long. Delete {folder} and build it again.")
    samples = torch.from_file(str(path), shared=False, size=int(offsets[-1]), dtype=torch.int16)
    return AudioStore(samples, offsets, index["sample_rate"], index["names"], index["speakers"], folder)


def _decode_each(recordings: Sequence[Recording], sample_rate: int, normalize: bool, progress: bool):
    """Yield each recording that can be decoded, and its samples; the others are named in one warning."""
    faults = []
    for recording in progress_bar(iterable=recordings, desc="decoding", unit="file", disable=not progress):
        try:
            waveform, _ = load_audio(recording.path, sample_rate)
        except (AudioFileError, ConfigError) as error:  # the latter where resampling overflows
            faults.append(str(error))
            continue
        yield recording, to_int16(peak_normalize(waveform) if normalize else waveform)
    if not faults:
        return
    listed = "\n".join(faults[:_LISTED] + [f"and {len(faults) - _LISTED} more"] * (len(faults) > _LISTED))
    if len(faults) == len(recordings):
        raise AudioFileError(f"none of {len(faults)} recordings can be read:\n{listed}")
    warnings.warn(f"{len(faults)} of {len(recordings)} recordings are left out:\n{listed}", stacklevel=3)


def _write_store(folder: Path, recordings, sample_rate: int, normalize: bool, progress: bool, source: str) -> None:
    if folder.exists() and not (folder / _INDEX_FILE).is_file() and any(folder.iterdir()):
        raise DatasetError(f"{folder}: holds something other than a store. Choose an empty or new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Built under another name and renamed, so that half a store is never opened.
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        lengths, kept = [], []
        with open(staging / _SAMPLES_FILE, "wb") as file:
            for recording, piece in _decode_each(recordings, sample_rate, normalize, progress):
                file.write(piece.numpy().tobytes())
                lengths.append(len(piece))
                kept.append(recording)
        names, speakers = _describe(kept)
        index = {
            "format": _FORMAT,
            "sample_rate": sample_rate,
            "source": source,
            "offsets": _offsets(lengths).tolist(),
            "names": names,
            "speakers": speakers,
        }
        (staging / _INDEX_FILE).write_text(json.dumps(index), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _read_index(folder: Path) -> dict:
    path = folder / _INDEX_FILE
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] == _FORMAT:
            return index
        problem = f"has format {index['format']}, this library reads {_FORMAT}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"cannot be read ({error})"
    raise DatasetError(f"{path}: {problem}. Build the store again with build_store.")


def _describe(recordings: Sequence[Recording]) -> tuple[list[str], list[str]]:
    return [str(recording.path) for recording in recordings], [recording.speaker for recording in recordings]


def _offsets(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _fingerprint(recordings: Sequence[Recording], sample_rate: int, normalize: bool) -> str:
    """Return a digest that changes when a file, the rate or the scale does."""
    digest = hashlib.sha256(json.dumps([_FORMAT, sample_rate, normalize]).encode())
    for recording in recordings:
        try:
            status = recording.path.stat()
            state = [status.st_size, status.st_mtime_ns]
        except OSError:
            state = None  # decoding it will say what is wrong, with a remedy
        digest.update(json.dumps([str(recording.path), recording.speaker, state]).encode())
    return digest.hexdigest()
