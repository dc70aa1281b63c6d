"""Sound files in blocks, for recordings that need not fit into memory: read and resample; `writing` writes them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.data.audio import mono_blocks, opened
from hypersound_lib.data.waveforms import resampled_length


def read_blocks(path: Path, size: int = 2**18) -> Iterator[Tensor]:
    """Decode a sound file to mono, block by block: what `load_audio` gives, `(≤ size,)`, ….

    Raises:
        AudioFileError: as `load_audio`, where the fault is met.
    """
    with opened(path) as file:
        yield from map(torch.from_numpy, mono_blocks(path, file, size))


def resample_blocks(blocks: Iterable[Tensor], from_rate: int, to_rate: int) -> Iterator[Tensor]:
    """Resample blocks `(T_i,)` as `resample` does their join; where nothing is to be done, they pass.

    >>> joined = torch.cat(list(resample_blocks(torch.zeros(48000).split(1000), 48000, 22050)))
    >>> joined.shape
    torch.Size([22050])
    """
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, quality="HQ")
    taken = given = 0
    for block in blocks:
        part = torch.from_numpy(stream.resample_chunk(block.numpy()))
        taken, given = taken + len(block), given + len(part)
        yield part
    left = resampled_length(taken, from_rate, to_rate) - given
    last = torch.from_numpy(stream.resample_chunk(np.zeros(0, np.float32), last=True))[:left]
    yield functional.pad(last, (0, left - len(last)))


def exactly(total: int, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield blocks of `total` samples in all: roundings may differ by a sample."""
    left = total
    for block in blocks:
        if left > 0:
            yield block[:left]
            left -= len(block)
    if left > 0:
        yield torch.zeros(left)
