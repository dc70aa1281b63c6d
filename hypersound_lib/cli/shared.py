"""What commands share: what the user typed, and what is said of recordings, written sounds and pictures."""

import json
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from hypersound_lib.coding.decompression import open_packets
from hypersound_lib.data.audio import opened
from hypersound_lib.data.writing import write_blocks
from hypersound_lib.files import atomic_path
from hypersound_lib.provenance import provenance

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound


def command_line() -> str:
    """Return what the user typed."""
    return shlex.join(["hypersound", *sys.argv[1:]])


def kbps(size: int, seconds: float) -> float:
    """Return the rate of a file of so many bytes."""
    return size / 125 / seconds


def report_finest(model: "LocalHyperSound", data: bytes, asked: float | None) -> None:
    """Say so where a `.hs` file is smaller than was asked for because there are no finer steps."""
    header, _, packets = open_packets(model, data)
    found = kbps(len(data), header.num_samples / model.config.sample_rate)
    if asked is not None and found < 0.95 * asked and not any(packet.knob for packet in packets if packet):
        print(f"{asked:g} kbit/s were allowed: these are the model's finest steps, which take no more")


def report_channels(file: Path) -> None:
    """Say so where a recording has several channels, of which the mean is taken."""
    with opened(file) as sound:
        if sound.channels > 1:
            print(f"{file}: its {sound.channels} channels are averaged")


def report_band(file: Path, file_rate: int, model_rate: int) -> None:
    """Say so where a recording has frequencies that the model has not."""
    if file_rate > model_rate:
        print(f"the model keeps frequencies up to {model_rate / 2:g} Hz; {file} reaches {file_rate / 2:g} Hz")


def write_sound(path: Path, blocks: Iterable[Tensor], rate: int) -> int:
    """Write blocks of sound into a file, say how many samples were clipped, and return how many there are."""
    count, clipped = write_blocks(path, blocks, rate)
    if clipped:
        print(f"samples outside [-1, 1] that were clipped: {clipped}", file=sys.stderr)
    return count


def save_picture(path: Path, sounds: Mapping[str, Tensor], sample_rate: int, seed: int = 0) -> None:
    """Draw sounds `(T,)` as PNG, which tells how it was made; it appears whole or not at all."""
    from hypersound_lib.notebook.plots import plot_sounds  # matplotlib takes long to import

    origin = provenance(command_line(), seed)
    with atomic_path(path) as temporary:
        plot_sounds(sounds, sample_rate).savefig(temporary, metadata={"Description": json.dumps(origin)})


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings as the command's own lines, without the code that gave them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(f"hypersound: {message}", file=sys.stderr)
        yield
