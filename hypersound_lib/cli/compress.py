"""`hypersound compress IN OUT.hs`: write a recording as a small .hs file.

Compress a recording of any length with a trained local model, to a file of at most so many kilobits for each second of
sound, header included. `hypersound decompress` plays it, with the same model.
"""

import argparse
from pathlib import Path

from hypersound_lib.cli.shared import kbps, report_band, report_channels, report_finest
from hypersound_lib.coding.files import compress_file, read_code_file, survey_file, write_code_file
from hypersound_lib.coding.rate import Rate
from hypersound_lib.files import refuse_same
from hypersound_lib.local.model import LocalHyperSound


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("file", type=Path, metavar="in", help="WAV, FLAC, Ogg, Opus or MP3")
    parser.add_argument("out", type=Path, help="file to write: .hs")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--kbps", type=float, metavar="N", help="kbit/s, at most (default: 6)")
    size.add_argument("--quality", type=float, metavar="Q", help="0 (small) to 10 (fine), whatever size it takes")
    parser.add_argument("--model", default="local", help="a model's folder or name (default: local)")


def run(options: argparse.Namespace) -> None:
    """Compress, and say how large the file is."""
    rate = Rate.of(options.kbps, options.quality)
    refuse_same([options.file], [options.out])
    model = LocalHyperSound.from_pretrained(options.model)
    report_channels(options.file)
    source = survey_file(model, options.file)
    size = write_code_file(options.out, compress_file(model, source, rate))
    print(f"wrote {options.out}: {size} bytes for {source.seconds:.2f} s, {kbps(size, source.seconds):.2f} kbit/s")
    report_finest(model, read_code_file(options.out), options.kbps)
    report_band(options.file, source.sample_rate, model.config.sample_rate)
