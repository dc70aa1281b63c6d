"""`hypersound decompress IN.hs COPY`: turn a .hs file back into a sound.

Play a file that `hypersound compress` wrote, or a part of it, at any sample rate. What is damaged is silent.
"""

import argparse
from pathlib import Path

from hypersound_lib.cli.shared import plain_warnings, write_sound
from hypersound_lib.coding.files import decompress_file, read_code_file
from hypersound_lib.files import refuse_same
from hypersound_lib.local.model import LocalHyperSound


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("file", type=Path, metavar="in", help="file that `hypersound compress` wrote")
    parser.add_argument("out", type=Path, help="audio file to write: .flac, .wav or .ogg")
    parser.add_argument("--sample-rate", type=int, metavar="HZ", help="of OUT (default: the model's own)")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="second to begin at (default: 0)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long to play (default: to the end)")
    parser.add_argument("--model", default="local", help="the one that compressed it (default: local)")


def run(options: argparse.Namespace) -> None:
    """Decompress, and say what was written."""
    refuse_same([options.file], [options.out])
    data = read_code_file(options.file)
    model = LocalHyperSound.from_pretrained(options.model)
    rate = model.config.sample_rate if options.sample_rate is None else options.sample_rate
    with plain_warnings():
        blocks = decompress_file(model, data, rate, str(options.file), options.start, options.seconds)
        samples = write_sound(options.out, blocks, rate)
    print(f"wrote {options.out}: {samples} samples at {rate} Hz, {samples / rate:.2f} s")
