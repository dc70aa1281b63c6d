"""Sound files that are damaged or cut short, in every format that is read: a sound, or a named error.

What came of a cut file has the whole file's length, and the reader of blocks gives what the reader of files gives.
"""

import io
import random
from pathlib import Path

import numpy as np
import soundfile
import torch

from hypersound_lib.data import load_audio
from hypersound_lib.data.audio import read_blocks
from hypersound_lib.errors import HyperSoundError
from tests.fuzz.judge import Try, damaged

RATE, LENGTH = 16000, 6000
FORMATS = {  # suffix: libsndfile's names
    ".wav": [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_24"), ("WAV", "PCM_U8")],
    ".flac": [("FLAC", "PCM_16")],
    ".ogg": [("OGG", "VORBIS")],
    ".opus": [("OGG", "OPUS")],
    ".mp3": [("MP3", "MPEG_LAYER_III")],
    ".aiff": [("AIFF", "PCM_16")],
}


def prepare(folder: Path) -> Try:
    """Return what reads one changed file."""
    files = {suffix: [written(*kind, n) for kind in kinds for n in (1, 2)] for suffix, kinds in FORMATS.items()}
    lengths = {data: len(read(folder / f"whole{suffix}", data)) for suffix in files for data in files[suffix]}

    def attempt(generator: random.Random) -> str:
        suffix = generator.choice(list(FORMATS))
        if generator.random() < 0.5:
            read(folder / f"x{suffix}", damaged(files[suffix], generator))
            return "read"
        whole = generator.choice(files[suffix])
        heard = read(folder / f"x{suffix}", whole[: generator.randrange(1, len(whole))])
        assert len(heard) == lengths[whole], f"a cut {suffix} gave {len(heard)} of {lengths[whole]} samples"
        return "read, though cut"

    return attempt


def written(container: str, encoding: str, channels: int) -> bytes:
    noise = 0.1 * np.random.default_rng(0).standard_normal((LENGTH, channels))
    file = io.BytesIO()
    soundfile.write(file, noise, RATE, format=container, subtype=encoding)
    return file.getvalue()


def read(path: Path, data: bytes) -> torch.Tensor:
    """Return the file's sound, by both readers."""
    path.write_bytes(data)
    heard, error = _ended(lambda: load_audio(path)[0])
    in_blocks, other = _ended(lambda: torch.cat(list(read_blocks(path))))
    assert type(error) is type(other), f"the readers disagree: {error!r} and {other!r}"
    if error is not None:
        raise error
    assert heard.dtype == torch.float32
    assert len(heard)
    assert heard.isfinite().all()
    assert torch.equal(heard, in_blocks), "the readers disagree"
    return heard


def _ended(read) -> tuple:
    try:
        return read(), None
    except HyperSoundError as error:
        return None, error
