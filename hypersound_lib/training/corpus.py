"""What to train on: a corpus by name or folder, some of its voices kept for validation."""

import os
from collections.abc import Sequence
from pathlib import Path

from hypersound_lib.data import AudioStore, Recording, build_store, load_dataset
from hypersound_lib.data.splits import split_any_folder


def training_stores(
    data: str | os.PathLike | Sequence[str | os.PathLike],
    sample_rate: int,
    *,
    root: str | os.PathLike | None = None,
    download: bool = False,
    folder: str | os.PathLike | None = None,
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
        progress: show a bar.

    Raises:
        DatasetError: there is no such corpus, or it has too few speakers and files to hold some out.
    """
    corpora = [data] if isinstance(data, str | os.PathLike) else list(data)
    parts: dict[str, list[Recording]] = {"train": [], "validation": []}
    for corpus in corpora:
        recordings = load_dataset(corpus, "train", root=root, download=download).recordings
        split = split_any_folder(Path(), list(recordings))
        parts["train"] += split["train"]
        parts["validation"] += split["test"]
    stores = []
    for name, part in parts.items():
        place = None if folder is None else Path(folder) / f"{name}-{sample_rate}"
        stores.append(build_store(part, sample_rate, place, normalize=True, progress=progress))
    return stores[0], stores[1]
