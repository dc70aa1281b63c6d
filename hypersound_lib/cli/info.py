"""`hypersound info FILE.hs`: describe a .hs file, and say whether it is whole.

Say how long a file that `hypersound compress` wrote plays, how large it is for that, and which of its packets are
damaged.
"""

import argparse
from pathlib import Path

from hypersound_lib.cli.shared import kbps
from hypersound_lib.coding.container import VERSION, Header
from hypersound_lib.coding.decompression import open_packets
from hypersound_lib.coding.files import read_code_file
from hypersound_lib.coding.rate import quality_of
from hypersound_lib.local.model import LocalHyperSound


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("file", type=Path, help="file that `hypersound compress` wrote")
    parser.add_argument("--model", default="local", help="the one that compressed it (default: local)")


def run(options: argparse.Namespace) -> None:
    """Print a line for each fact; an error is raised where the file is cut short."""
    data, name = read_code_file(options.file), str(options.file)
    header, model = Header.from_bytes(data, name)[0], LocalHyperSound.from_pretrained(options.model)
    if known := header.identity == model.identity():
        header, count, packets_left = open_packets(model, data, name)
    print(f"file: {options.file}, {len(data)} bytes, version {VERSION}")
    print(f"model: {header.identity.hex()}, {'' if known else 'not '}{options.model}")
    print(f"recorded at: {header.original_rate} Hz")
    if not known:
        print(f"length: {header.num_samples} samples at its model's rate; --model MODEL tells more")
        return
    seconds = header.num_samples / model.config.sample_rate
    print(f"length: {header.num_samples} samples at {model.config.sample_rate} Hz, {seconds:.2f} s")
    packets = list(packets_left)
    print(f"rate: {kbps(len(data), seconds):.2f} kbit/s, header included")  # of what is not cut
    qualities = [quality_of(packet.knob) for packet in packets if packet is not None]
    lost = [f"{number * model.packet_seconds:.1f} s" for number, packet in enumerate(packets) if packet is None]
    print(f"packets: {count}, of at most {model.packet_seconds:.2f} s; {len(lost) or 'none'} damaged")
    if qualities:
        print(f"quality: {min(qualities):.1f} to {max(qualities):.1f} of 10")
    if lost:
        print(f"silent from: {', '.join(lost)}")
