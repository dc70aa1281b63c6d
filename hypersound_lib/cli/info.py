"""`hypersound info FILE.hs`: what a compressed sound is, and whether it is whole."""

import argparse
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "info",
        help="describe a .hs file, and say whether it is whole",
        description="Say how long a file that `hypersound compress` wrote plays, how large it is for that, and which "
        "of its packets are damaged.",
    )
    parser.add_argument("file", type=Path, help="file that `hypersound compress` wrote")
    parser.add_argument("--model", default="local", help="the one that compressed it (default: local)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each fact."""
    from hypersound_lib.cli.compress import kbps
    from hypersound_lib.coding.container import VERSION, Header
    from hypersound_lib.coding.files import read_code_file
    from hypersound_lib.local.model import LocalHyperSound

    data = read_code_file(options.file)
    header, at = Header.from_bytes(data, str(options.file))
    model = LocalHyperSound.from_pretrained(options.model)
    known = header.identity == model.identity()
    print(f"file: {options.file}, {len(data)} bytes, version {VERSION}")
    print(f"model: {header.identity.hex()}, {'' if known else 'not '}{options.model}")
    print(f"recorded at: {header.original_rate} Hz")
    if not known:
        print(f"length: {header.num_samples} samples at its model's rate; --model MODEL tells more")
        return
    seconds = header.num_samples / model.config.sample_rate
    print(f"length: {header.num_samples} samples at {model.config.sample_rate} Hz, {seconds:.2f} s")
    print(f"rate: {kbps(len(data), seconds):.2f} kbit/s, header included")
    _print_packets(model, header, data, at, str(options.file))


def _print_packets(model, header, data: bytes, at: int, name: str) -> None:
    """Print how many packets there are and with which quality; an error is raised where the file is cut short."""
    from hypersound_lib.coding.container import read_packets
    from hypersound_lib.coding.rate import quality_of

    count = -(-model.transform.frames_in(header.num_samples) // model.config.packet)
    packets = list(read_packets(data, at, count, name))
    qualities = [quality_of(packet.knob) for packet in packets if packet is not None]
    lost = [number for number, packet in enumerate(packets) if packet is None]
    print(f"packets: {count}, of at most {model.packet_seconds:.2f} s; {len(lost) or 'none'} damaged")
    if qualities:
        print(f"quality: {min(qualities):.1f} to {max(qualities):.1f} of 10")
    if lost:
        print("silent from: " + ", ".join(f"{number * model.packet_seconds:.1f} s" for number in lost))
