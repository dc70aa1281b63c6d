"""`hypersound decompress IN.hs COPY`: play what `hypersound compress` wrote into a sound file."""

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "decompress",
        help="turn a .hs file back into a sound",
        description="Play a file that `hypersound compress` wrote, at any sample rate. Damaged parts are silent.",
    )
    parser.add_argument("file", type=Path, metavar="in", help="file that `hypersound compress` wrote")
    parser.add_argument("out", type=Path, help="audio file to write: .flac, .wav or .ogg")
    parser.add_argument("--sample-rate", type=int, metavar="HZ", help="of OUT (default: the model's own)")
    parser.add_argument("--model", default="local", help="the one that compressed it (default: local)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Decompress, and say what was written."""
    from hypersound_lib.coding.files import decompress_file, read_code_file
    from hypersound_lib.files import refuse_same
    from hypersound_lib.local.model import LocalHyperSound

    refuse_same([options.file], [options.out])
    data = read_code_file(options.file)
    model = LocalHyperSound.from_pretrained(options.model)
    rate = model.config.sample_rate if options.sample_rate is None else options.sample_rate
    blocks = decompress_file(model, data, rate, name=str(options.file), progress=sys.stderr.isatty())
    with plain_warnings():
        samples = write_sound(options.out, blocks, rate)
    print(f"wrote {options.out}: {samples} samples at {rate} Hz, {samples / rate:.2f} s")


def write_sound(path: Path, blocks: Iterable, rate: int) -> int:
    """Write blocks of sound into a file, say how many samples were clipped, and return how many there are."""
    from hypersound_lib.data.writing import write_blocks

    count, clipped = write_blocks(path, blocks, rate)
    if clipped:
        print(f"{clipped} samples lay outside [-1, 1] and were clipped", file=sys.stderr)
    return count


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings as the command's own lines, without the code that gave them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(f"hypersound: {message}", file=sys.stderr)
        yield
