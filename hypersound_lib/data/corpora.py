"""Datasets by name: the embedded corpus, public corpora, or any folder of audio.

================  ==========================================================  =========================
name              what                                                        "test" holds
================  ==========================================================  =========================
mini              embedded in this library                                    the last 4 speakers
vctk              VCTK 0.92, 110 English speakers, 48 kHz (paper, "Data")     the last 10 speakers
ljspeech          LJSpeech 1.1, one speaker, 22.05 kHz                        the last 5 of 50 chapters
librispeech       LibriSpeech train-clean-100, 16 kHz                         the last tenth of speakers
librispeech-X     another subset X, such as dev-clean                         the last tenth of speakers
speechcommands    Speech Commands 0.02, one-second words, 16 kHz              its own testing list
yesno             60 utterances of one Hebrew speaker, 8 kHz                  the last 6 files
a folder          its files and subfolders; the first subfolder is a speaker  the last tenth of speakers
================  ==========================================================  =========================
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

from hypersound_lib.data.audio import load_audio
from hypersound_lib.data.catalogue import CORPORA, Corpus, split_any_folder
from hypersound_lib.data.download import download_corpus
from hypersound_lib.data.layouts import EXPECTED, Recording, index_folder
from hypersound_lib.errors import DatasetError, suggestion
from hypersound_lib.files import cache_dir, embedded_data


class Sound(NamedTuple):
    """One item of a dataset."""

    waveform: Tensor  # (T,) float32
    sample_rate: int  # Hz
    recording: Recording


@dataclass(eq=False, repr=False)
class AudioDataset(Dataset):
    """Whole recordings of one split, decoded at each access.

    For training take `build_store` and `RandomClips`, which decode once.
    """

    recordings: Sequence[Recording]
    sample_rate: int | None = None  # to resample to, in Hz; None keeps each file's own

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> Sound:
        """Decode one recording; raises AudioFileError where the file is damaged."""
        recording = self.recordings[index]
        return Sound(*load_audio(recording.path, self.sample_rate), recording)

    def __repr__(self) -> str:
        return f"AudioDataset({len(self)} recordings, {len(self.speakers)} speakers)"

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, sorted."""
        return tuple(sorted({recording.speaker for recording in self.recordings}))


def load_dataset(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    root: str | os.PathLike | None = None,
    download: bool = False,
    sample_rate: int | None = None,
) -> AudioDataset:
    """Return a dataset by name, or any folder of audio; the module's page has a table of them.

    A speaker is never in two splits, save where a corpus has only one. "Last" is in sorted order.

    Args:
        name_or_folder: a name of that table, or a path; write ``./mini`` for a folder called like a corpus.
        split: "train", "test" or "all"; Speech Commands also has "validation".
        root: the folder that holds public corpora, one folder each; default ``cache_dir() / "corpora"``.
        download: fetch a public corpus that is not there.
        sample_rate: rate to resample to at each access, in Hz; None keeps each file's own.

    Raises:
        DatasetError: no such name, folder or split, or the corpus is not there and `download` is False.
        DownloadError: the download failed.

    >>> load_dataset("vctc")
    Traceback (most recent call last):
    hypersound_lib.errors.DatasetError: 'vctc' is no dataset; did you mean 'vctk'? Known: ...
    """
    name = str(name_or_folder)
    if not isinstance(name_or_folder, os.PathLike) and name.lower() in CORPORA:
        name = name.lower()
        corpus = CORPORA[name]
        folder = _locate(name, corpus, root, download)
    else:
        corpus = Corpus(index_folder, split_any_folder)
        folder = _require_folder(name)
    return AudioDataset(_part(corpus, folder, name, split), sample_rate)


def _part(corpus: Corpus, folder: Path, name: str, split: str) -> Sequence[Recording]:
    recordings = corpus.index(folder)
    if not recordings:
        wanted = EXPECTED.get(corpus.index, "another layout")
        raise DatasetError(f"{folder}: holds no recording; expected {wanted}. Check the folder or download it again.")
    parts = corpus.split(folder, recordings) | {"all": recordings}
    if split not in parts:
        raise DatasetError(f"{name!r} has no split {split!r}; it has {', '.join(sorted(parts))}")
    if not parts[split]:
        raise DatasetError(
            f"split {split!r} of {folder} is empty: its {len(recordings)} recordings are too few speakers to divide. "
            "Use split='all', or complete the corpus."
        )
    return parts[split]


def _locate(name: str, corpus: Corpus, root: str | os.PathLike | None, download: bool) -> Path:
    if corpus.archive is None:
        try:
            return Path(root) / name if root is not None else embedded_data(name)
        except FileNotFoundError as error:
            raise DatasetError(str(error)) from error
    home = Path(root) if root is not None else cache_dir() / "corpora"
    if download:
        return download_corpus(corpus.archive, home)
    folder = home / corpus.archive.folder
    if not folder.is_dir():
        raise DatasetError(
            f"dataset {name!r} is not in {folder}. Pass download=True, or --download to `hypersound train`, to fetch "
            f"it ({corpus.archive.size_bytes / 1e9:.2f} GB, unpacked more), or root=... (--root) if it lies elsewhere."
        )
    return folder


def _require_folder(name: str) -> Path:
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise DatasetError(
            f"{folder} is a file, not a folder: put recordings into one, three or more to train on; load_audio and "
            "`hypersound fit` take one sound"
        )
    raise DatasetError(
        f"{name!r} is no dataset; {suggestion(name, CORPORA)}Known: {', '.join(CORPORA)}, or a folder that exists."
    )
