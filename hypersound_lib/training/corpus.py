"""What to train on: a corpus by name or folder, some of its voices kept for validation."""

import os
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hypersound_lib.data import AudioStore, Recording, build_store, load_dataset
from hypersound_lib.data.audio import opened
from hypersound_lib.data.catalogue import split_any_folder
from hypersound_lib.errors import AudioFileError, ConfigError, DatasetError


def training_stores(
    data: str | os.PathLike | Sequence[str | os.PathLike],
    sample_rate: int,
    *,
    root: str | os.PathLike | None = None,
    download: bool = False,
    folder: str | os.PathLike | None = None,
    minutes: float | None = None,
    progress: bool = False,
) -> tuple[AudioStore, AudioStore]:
    """Return a store to train on and one to validate on, at one rate, each recording at full scale.

    A corpus' own "test" split is not touched: it is for the numbers that one reports. Validation takes the last tenth
    of the "train" speakers, or of its files where there is only one speaker.

    Args:
        data: a name or folder, as in `load_dataset`, or several, each of which holds some of its own voices out.
        sample_rate: in Hz.
        root: where public corpora lie.
        download: fetch a public corpus that is not there.
        folder: decode into this folder and memory-map, for a corpus larger than memory; None keeps it in memory.
        minutes: train on at most so many, drawn at random from all recordings, the same whenever it is asked for.
        progress: show a bar.

    Raises:
        ConfigError: no recording is as short as `minutes`.
        AudioFileError: no recording can be decoded; if some can, the others are left out, with a warning.
        DatasetError: there is no such corpus, or it has too few speakers and files to hold some out.
    """
    parts = _divided([data] if isinstance(data, str | os.PathLike) else list(data), root, download)
    if minutes is not None:
        parts["train"] = _at_most(parts["train"], minutes)
    stores = []
    for name, part in parts.items():
        place = None if folder is None else store_folder(folder, name, sample_rate)
        stores.append(build_store(part, sample_rate, place, normalize=True, progress=progress))
    return stores[0], stores[1]


def _divided(
    corpora: Sequence[str | os.PathLike], root: str | os.PathLike | None, download: bool
) -> dict[str, list[Recording]]:
    """Return the recordings to train on and those to validate on; DatasetError where a corpus has too few."""
    parts: dict[str, list[Recording]] = {"train": [], "validation": []}
    for corpus in corpora:
        recordings = load_dataset(corpus, "train", root=root, download=download).recordings
        split = split_any_folder(Path(), list(recordings))
        if not split["test"]:
            raise DatasetError(
                f"{corpus}: so few recordings cannot be divided: some are held out to test and some to validate, so "
                "that at least 3 are needed. Cut them into parts, such as with ffmpeg -i a.wav -f segment "
                "-segment_time 5 %03d.wav, or represent one sound with `hypersound fit`."
            )
        parts["train"] += split["train"]
        parts["validation"] += split["test"]
    return parts


def store_folder(folder: str | os.PathLike, part: str, sample_rate: int) -> Path:
    """Return where in a folder the store of a part of a corpus lies; whatever store was there is replaced."""
    return Path(folder) / f"{part}-{sample_rate}"


def _at_most(recordings: list[Recording], minutes: float) -> list[Recording]:
    """Return some of the recordings, in their order, as many as random order fits into the time."""
    kept, left = set(), 60 * minutes
    order = list(range(len(recordings)))
    random.Random(0).shuffle(order)
    for number in order:
        seconds = 0.0  # of what cannot be read: the store leaves it out, and says so
        with suppress(AudioFileError), opened(recordings[number].path) as file:
            seconds = file.num_frames / file.samplerate
        if seconds <= left:
            kept.add(number)
            left -= seconds
    if not kept:
        raise ConfigError(f"no recording is as short as {minutes:g} minutes: allow more of them")
    return [recording for number, recording in enumerate(recordings) if number in kept]
