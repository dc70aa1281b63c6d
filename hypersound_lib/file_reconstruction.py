"""A sound file of any length through a local model, into another file: an hour needs no more memory than a minute."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.data.audio import opened
from hypersound_lib.data.blocks import read_blocks, resample_blocks, write_blocks
from hypersound_lib.local_model import LocalHyperSound
from hypersound_lib.streaming import reconstruct_blocks

_SILENCE = 2**16  # samples written at once


@dataclass(frozen=True)
class Reconstructed:
    """What was written."""

    samples: int
    sample_rate: int  # Hz
    clipped: int  # samples that lay outside ±1


def reconstruct_file(
    model: LocalHyperSound,
    source: str | os.PathLike,
    target: str | os.PathLike,
    output_rate: int | None = None,
    *,
    progress: bool = False,
) -> Reconstructed:
    """Do to files what `reconstruct` does to waveforms, in constant memory.

    The source is read twice: first for its peak, because models hear sounds at full scale.

    Args:
        model: on any device.
        source: WAV, FLAC, Ogg, Opus or MP3.
        target: .flac, .wav or .ogg; it appears whole or not at all.
        output_rate: in Hz; None stands for the model's own.
        progress: show a bar.

    Raises:
        AudioFileError: the source cannot be read, or the target not written.
        ConfigError: the target's suffix or the rate cannot be written.
    """
    source, rate = Path(source), model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    with opened(source) as file:
        file_rate = file.samplerate
    length, peak = _survey(source, file_rate, rate)
    total = math.floor(Fraction(length * output_rate, file_rate) + Fraction(1, 2))
    if peak == 0:
        played: Iterable[Tensor] = ()
    else:
        heard = (block / peak for block in resample_blocks(read_blocks(source), file_rate, rate))
        played = reconstruct_blocks(model, heard, output_rate, progress=progress, seconds=length / file_rate)
    clipped = write_blocks(Path(target), _exactly(total, (peak * block for block in played)), output_rate)
    return Reconstructed(total, output_rate, clipped)


def _survey(source: Path, file_rate: int, rate: int) -> tuple[int, float]:
    """Return the file's length in its own samples, and its peak at another rate."""
    length, peak = 0, 0.0

    def counted() -> Iterator[Tensor]:
        nonlocal length
        for block in read_blocks(source):
            length += len(block)
            yield block

    for block in resample_blocks(counted(), file_rate, rate):
        peak = max(peak, float(block.abs().max())) if len(block) else peak
    return length, peak


def _exactly(total: int, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield blocks of `total` samples in all: roundings may differ by a sample, and silence has none to play."""
    left = total
    for block in chain(blocks, repeat(torch.zeros(_SILENCE))):
        if left <= 0:
            return
        yield block[:left]
        left -= len(block)
