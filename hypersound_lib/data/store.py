"""Recordings decoded once and held as 16-bit integers, in memory or memory-mapped.

An hour of 22 050 Hz mono takes 159 MB. All recordings lie end to end in one flat array:

    samples   |---- recording 0 ----|-- recording 1 --|------ recording 2 ------|
    offsets   0                     a                 b                         c

On disk, an index beside the samples holds the offsets, what each recording is, and what was left out.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.data.audio import load_audio
from hypersound_lib.data.layouts import Recording
from hypersound_lib.data.waveforms import from_int16, peak_normalize, to_int16
from hypersound_lib.errors import AudioFileError, ConfigError, DatasetError, check_sample_rate
from hypersound_lib.files import explain_os_error, staging_folder
from hypersound_lib.progress import progress_bar

SAMPLES_FILE = "samples.int16"
INDEX_FILE = "index.json"
FORMAT = 1
_LISTED = 10  # recordings that a message names


@dataclass(eq=False, repr=False)
class AudioStore:
    """Waveforms of many recordings at one rate, read by number. Made by `build_store`."""

    samples: Tensor  # (total,) int16, every recording end to end
    offsets: np.ndarray  # (N + 1,) int64, where each begins and the last ends
    sample_rate: int  # Hz
    names: Sequence[str]  # N file names, for messages
    speakers: Sequence[str]  # N, empty where unknown
    folder: Path | None = None  # where it lies on disk; None when in memory

    def __len__(self) -> int:
        return len(self.names)

    @property
    def lengths(self) -> np.ndarray:
        """``(N,)`` samples of each recording."""
        return np.diff(self.offsets)

    def read(self, index: int, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Return samples of recording `index` from `start` on: ``(num_samples,)`` at full scale ±1, float32.

        There are fewer where the recording ends: it never runs on into the next. None reads to its end.

        Raises:
            IndexError: there is no such recording, or a start or number is negative: nothing is counted from the end.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"recording {index} of a store of {len(self)}")
        if start < 0 or (num_samples is not None and num_samples < 0):
            raise IndexError(f"{num_samples} samples from {start} on: give a start and a number of 0 or more")
        begin, end = self.offsets[index] + start, self.offsets[index + 1]
        if num_samples is not None:
            end = min(end, begin + num_samples)
        return from_int16(self.samples[begin:end])

    def __reduce__(self):
        # A worker process that is not forked gets the folder's name and maps the file itself. In memory, torch moves
        # the samples to shared memory; either way workers hold no copy.
        if self.folder is not None:
            return _map_store, (self.folder,)
        return AudioStore, (self.samples, self.offsets, self.sample_rate, self.names, self.speakers)


def build_store(
    recordings: Sequence[Recording],
    sample_rate: int,
    folder: str | os.PathLike | None = None,
    *,
    normalize: bool = False,
    progress: bool = False,
) -> AudioStore:
    """Decode recordings once and hold them as 16-bit integers; what cannot be used is left out, with one warning.

    Args:
        recordings: what to decode, such as ``load_dataset("mini").recordings``.
        sample_rate: to resample to, in Hz.
        folder: write and memory-map it there. A store of the same files, rate and scale is opened, another replaced.
        normalize: bring each recording's peak to 1; otherwise what lies outside [−1, 1] saturates.
        progress: show a bar.

    Raises:
        AudioFileError: no recording can be decoded, or has a sample at that rate.
        ConfigError: there is no such rate.
        DatasetError: there are no recordings, or `folder` cannot be written or holds something else.
    """
    check_sample_rate(sample_rate)
    if not recordings:
        raise DatasetError("a store needs at least one recording; got none")
    decode_to = partial(_decode_each, recordings, sample_rate, normalize, progress)
    if folder is None:
        pieces: list[Tensor] = []
        index = decode_to(pieces.append)
        store = _store(torch.cat(pieces), index)
    else:
        folder = Path(folder)
        try:
            _write_unless_there(folder, decode_to, _fingerprint(recordings, sample_rate, normalize))
        except OSError as error:
            raise DatasetError(explain_os_error(error, folder / SAMPLES_FILE if folder.is_dir() else folder)) from error
        store, index = _map_store(folder), _read_index(folder)
    if faults := index["faults"]:
        warnings.warn(f"{len(faults)} of {len(recordings)} recordings are left out:\n{_listed(faults)}", stacklevel=2)
    return store


def _map_store(folder: Path) -> AudioStore:
    """Memory-map a store that was written; DatasetError where the folder holds no whole one."""
    index = _read_index(folder)
    path, total = folder / SAMPLES_FILE, index["offsets"][-1]
    if not path.is_file() or path.stat().st_size != 2 * total:
        raise DatasetError(f"{path}: is missing or not {2 * total} bytes long. Delete {folder} and build it again.")
    return _store(torch.from_file(str(path), shared=False, size=total, dtype=torch.int16), index, folder)


def _store(samples: Tensor, index: dict, folder: Path | None = None) -> AudioStore:
    offsets, names, speakers = np.array(index["offsets"], np.int64), tuple(index["names"]), tuple(index["speakers"])
    return AudioStore(samples, offsets, index["sample_rate"], names, speakers, folder)


def _read_index(folder: Path) -> dict:
    """Return the index of the store in a folder.

    Raises:
        DatasetError: it is missing, is damaged, or is of another format.
    """
    path = folder / INDEX_FILE
    try:
        index = {"faults": []} | json.loads(path.read_text(encoding="utf-8"))  # which the first ones do not tell
        if index["format"] != FORMAT:
            raise ValueError(f"has format {index['format']}, this library reads {FORMAT}")
        check_sample_rate(index["sample_rate"])
        offsets = np.array(index["offsets"], dtype=np.int64)
        if not len(offsets) - 1 == len(index["names"]) == len(index["speakers"]) > 0:
            raise ValueError("offsets are one number more than names and speakers")
        if offsets[0] or (np.diff(offsets) < 0).any():
            raise ValueError("offsets rise from 0")
        return index
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError, ConfigError) as error:
        problem = f"cannot be read ({type(error).__name__}: {error})"
        raise DatasetError(f"{path}: {problem}. Delete {folder} and build the store again with build_store.") from error


def _decode_each(
    recordings: Sequence[Recording], sample_rate: int, normalize: bool, progress: bool, keep: Callable[[Tensor], object]
) -> dict:
    """Hand the samples of each recording that has some to `keep`, in turn, and return the index of them all."""
    lengths, kept, faults = [0], [], []
    for recording in progress_bar(iterable=recordings, desc="decoding", unit="file", disable=not progress):
        try:
            waveform, _ = load_audio(recording.path, sample_rate)
        except (AudioFileError, ConfigError) as error:  # the latter where resampling overflows
            faults.append(str(error))
            continue
        if not len(waveform):
            faults.append(f"{recording.path}: has no sample at {sample_rate} Hz, it is too short. Leave it out.")
            continue
        keep(to_int16(peak_normalize(waveform) if normalize else waveform))
        lengths.append(len(waveform))
        kept.append(recording)
    if not kept:
        raise AudioFileError(f"none of {len(faults)} recordings can be read:\n{_listed(faults)}")
    return {
        "format": FORMAT,
        "sample_rate": sample_rate,
        "offsets": np.cumsum(lengths).tolist(),
        "names": [str(recording.path) for recording in kept],
        "speakers": [recording.speaker for recording in kept],
        "faults": faults,
    }


def _listed(faults: Sequence[str]) -> str:
    return "\n".join([*faults[:_LISTED], *[f"and {len(faults) - _LISTED} more"] * (len(faults) > _LISTED)])


def _write_unless_there(folder: Path, decode_to: Callable[[Callable[[Tensor], object]], dict], source: str) -> None:
    if (folder / INDEX_FILE).is_file():
        if _read_index(folder).get("source") == source:
            return
    elif folder.exists() and not all(map(_is_left, folder.iterdir())):
        raise DatasetError(f"{folder}: holds something other than a store. Choose an empty or new folder.")
    folder = folder.resolve()  # a link may lead to another disk, onto which nothing can be renamed
    with staging_folder(folder) as staging:
        with open(staging / SAMPLES_FILE, "wb") as file:
            index = decode_to(lambda piece: file.write(piece.numpy().tobytes()))
        (staging / INDEX_FILE).write_text(json.dumps(index | {"source": source}), encoding="utf-8")
        # The folder itself may be a disk's, and stays. Without an index, half a store is never opened.
        folder.mkdir(exist_ok=True)
        (folder / INDEX_FILE).unlink(missing_ok=True)
        for name in (SAMPLES_FILE, INDEX_FILE):
            os.replace(staging / name, folder / name)


def _is_left(path: Path) -> bool:
    """Tell whether a file is what a killed process leaves of a store."""
    return path.name == SAMPLES_FILE or path.name.startswith(".writing-")


def _fingerprint(recordings: Sequence[Recording], sample_rate: int, normalize: bool) -> str:
    """Return a digest that changes when a file, the rate or the scale does."""
    digest = hashlib.sha256(json.dumps([FORMAT, sample_rate, normalize]).encode())
    for recording in recordings:
        try:
            status = recording.path.stat()
            state = [status.st_size, status.st_mtime_ns]
        except OSError:
            state = None  # decoding it will say what is wrong, with a remedy
        digest.update(json.dumps([str(recording.path), recording.speaker, state]).encode())
    return digest.hexdigest()
