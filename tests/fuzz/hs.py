"""Damaged and hostile `.hs` files: each must give a sound of the length that its header says, or a named error.

    python -m tests.fuzz.hs --files 10000 --out data/results/fuzz_hs.json

Files are made from a few whole ones by chance, from a seed. Half of them are damaged as disks and networks do it; the
other half have checksums that are right for what they say, as somebody who means harm would write them.
"""

import argparse
import random
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hypersound_lib.coding.container import Header, Packet, read_packets
from hypersound_lib.coding.decompression import decompress_blocks
from hypersound_lib.errors import CodeFileError
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.provenance import provenance, write_result
from tests.local.small import CONFIG, HOP, RATE, make_model, sound

SECONDS = 20.0  # that one file may take
MEBIBYTES = 256.0  # that all of them may add to the memory


def whole_files(model: LocalHyperSound) -> list[bytes]:
    """Return files of a few lengths and sizes: a single packet, some, and more than are coded at once."""
    packet = CONFIG.packet * HOP
    lengths = {100: 9, packet: 5, 5 * packet + 7: 2, 40 * packet: 6}
    files = [model.compress(sound(length), RATE, quality=quality) for length, quality in lengths.items()]
    return [*files, model.compress(torch.zeros(8 * packet), RATE, quality=5)]


def damaged(files: list[bytes], generator: random.Random) -> bytes:
    """Return one of the files, changed in one to three places."""
    data = bytearray(generator.choice(files))
    for _ in range(generator.randint(1, 3)):
        at = generator.randrange(len(data) + 1)
        length = generator.choice([1, 2, 10, 100, 1000])
        match generator.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << generator.randrange(8)
            case 1:
                data[at : at + length] = generator.randbytes(len(data[at : at + length]))
            case 2:
                data[at : at + length] = bytes(len(data[at : at + length]))
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = generator.randbytes(length)
            case 5:
                other = generator.choice(files)
                data[at:] = other[generator.randrange(len(other)) :]
            case _:
                del data[at:]
    return bytes(data)


def hostile(files: list[bytes], generator: random.Random) -> bytes:
    """Return one of the files with other numbers in its header or packets, and checksums that fit them."""
    data = generator.choice(files)
    header, at = Header.from_bytes(data)
    packets = list(_packets(header, data, at))
    samples = header.num_samples
    if generator.random() < 0.5:
        near, far = [samples - 1, samples + 1, 2 * samples], [1, 10**6, 2**40, generator.randint(1, 2**40)]
        samples = generator.choice([*near, *far])
    level, rate = generator.choice([header.level, 0, 255]), generator.choice([header.original_rate, 1, 10**6])
    for _ in range(generator.randint(0, 5)):
        i = generator.randrange(len(packets))
        packet = packets[i]
        sizes = [0, 1, 4, 50, 5000]
        payload = generator.choice(
            [
                generator.randbytes(generator.choice(sizes)),
                generator.choice([b"\0", b"\xff", b"\x80"]) * generator.choice(sizes),
                packet.payload[: generator.randrange(len(packet.payload) + 1)],
                packet.payload + generator.randbytes(generator.choice(sizes)),
                generator.choice(packets).payload,
            ]
        )
        number = generator.choice([packet.number, packet.number, packet.number + 1, generator.randrange(2**40)])
        packets[i] = Packet(number, generator.randrange(256), payload)
    if generator.random() < 0.2:
        packets = packets[: generator.randrange(len(packets))] + packets[generator.randrange(len(packets)) :]
    changed = Header(header.identity, level, rate, max(1, samples))
    return changed.to_bytes() + b"".join(packet.to_bytes() for packet in packets)


def _packets(header: Header, data: bytes, at: int) -> Iterator[Packet]:
    frames = (header.num_samples - 1) // HOP + 2
    for packet in read_packets(data, at, -(-frames // CONFIG.packet)):
        assert packet is not None
        yield packet


def outcome(model: LocalHyperSound, data: bytes) -> str:
    """Decode a file, and say what came of it; any other end than these is an exception."""
    with warnings.catch_warnings(record=True) as caught, time_limit(SECONDS):
        warnings.simplefilter("always")
        played = 0
        try:
            for block in decompress_blocks(model, data):
                assert block.isfinite().all(), "a sample is NaN or Inf"
                played += len(block)
        except CodeFileError as error:
            return "error: " + next(kind for kind in _KINDS if kind in str(error))
    expected = Header.from_bytes(data)[0].num_samples
    assert played == expected, f"{played} samples were played, and the header says {expected}"
    lost = [warning for warning in caught if issubclass(warning.category, UserWarning)]
    return "played, with lost packets" if lost else "played"


_KINDS = (
    "is no .hs file",
    "is of version",
    "header is damaged",
    "which nobody wrote",
    "made by another model",
    "do not fit",
    "is cut short",
)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def stop(*_):
        raise TimeoutError(f"a file took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(count: int, seed: int = 0, progress: bool = False) -> dict:
    """Decode so many changed files; return how they ended, the slowest one's time, and the memory that was added.

    Raises:
        AssertionError: one ended otherwise; the message tells which, and holds its bytes.
    """
    model = make_model()
    files = whole_files(model)
    for data in files:
        assert outcome(model, data) == "played"
    memory, slowest, outcomes = _memory(), 0.0, Counter()
    for i in range(count):
        generator = random.Random(f"{seed} {i}")
        data = (damaged, hostile)[i % 2](files, generator)
        start = time.perf_counter()
        try:
            outcomes[outcome(model, data)] += 1
        except Exception as error:
            raise AssertionError(f"file {i} of seed {seed}: {error!r}; its bytes: {data.hex()}") from error
        slowest = max(slowest, time.perf_counter() - start)
        if progress and (i + 1) % 500 == 0:
            print(f"… {i + 1} files, {dict(outcomes)}", file=sys.stderr, flush=True)
    return {
        "files": count,
        "outcomes": dict(sorted(outcomes.items())),
        "slowest_seconds": round(slowest, 3),
        "added_mebibytes": round(_memory() - memory, 1),
    }


def _memory() -> float:
    """Return the most memory that the process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Fuzz, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="JSON file to write")
    options = parser.parse_args()
    origin = provenance(f"make fuzz ARGS='--files {options.files} --seed {options.seed}'", options.seed)
    results = fuzz(options.files, options.seed, progress=True)
    print(results)
    assert results["added_mebibytes"] < MEBIBYTES
    if options.out:
        write_result(options.out, results, origin)
        print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
