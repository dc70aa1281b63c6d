"""Damaged and hostile `.hs` files: each must give a sound of the length that its header says, or a named error.

Half of them are damaged as disks and networks do it; the other half have checksums that are right for what they say, as
somebody who means harm would write them.
"""

import random
import warnings
from pathlib import Path

import torch

from hypersound_lib.coding.container import Header, Packet, read_packets
from hypersound_lib.coding.decompression import decompress_blocks
from hypersound_lib.local.model import LocalHyperSound
from tests.fuzz.judge import Try, damaged
from tests.local.small import CONFIG, HOP, RATE, make_model, sound


def prepare(_: Path) -> Try:
    """Return what decodes one changed file."""
    model = make_model()
    files = whole_files(model)
    assert all(outcome(model, data) == "played" for data in files)
    return lambda generator: outcome(model, generator.choice((damaged, hostile))(files, generator))


def whole_files(model: LocalHyperSound) -> list[bytes]:
    """Return files of a few lengths and sizes: a single packet, some, and more than are coded at once."""
    packet = CONFIG.packet * HOP
    lengths = {100: 9, packet: 5, 5 * packet + 7: 2, 40 * packet: 6}
    files = [model.compress(sound(length), RATE, quality=quality) for length, quality in lengths.items()]
    return [*files, model.compress(torch.zeros(8 * packet), RATE, quality=5)]


def hostile(files: list[bytes], generator: random.Random) -> bytes:
    """Return one of the files with other numbers in its header or packets, and checksums that fit them."""
    data = generator.choice(files)
    header, at = Header.from_bytes(data)
    samples, frames = header.num_samples, (header.num_samples - 1) // HOP + 2
    packets = list(read_packets(data, at, -(-frames // CONFIG.packet)))
    if generator.random() < 0.5:
        near, far = [samples - 1, samples + 1, 2 * samples], [1, 10**6, 2**40, generator.randint(1, 2**40)]
        samples = generator.choice([*near, *far])
    level, rate = generator.choice([header.level, 0, 255]), generator.choice([header.original_rate, 1, 10**6])
    for _ in range(generator.randint(0, 5)):
        i = generator.randrange(len(packets))
        packet, sizes = packets[i], [0, 1, 4, 50, 5000]
        payloads = [
            generator.randbytes(generator.choice(sizes)),
            generator.choice([b"\0", b"\xff", b"\x80"]) * generator.choice(sizes),
            packet.payload[: generator.randrange(len(packet.payload) + 1)],
            packet.payload + generator.randbytes(generator.choice(sizes)),
            generator.choice(packets).payload,
        ]
        payload = generator.choice(payloads)
        number = generator.choice([packet.number, packet.number, packet.number + 1, generator.randrange(2**40)])
        packets[i] = Packet(number, generator.randrange(256), payload)
    if generator.random() < 0.2:
        packets = packets[: generator.randrange(len(packets))] + packets[generator.randrange(len(packets)) :]
    changed = Header(header.identity, level, rate, max(1, samples))
    return changed.to_bytes() + b"".join(packet.to_bytes() for packet in packets)


def outcome(model: LocalHyperSound, data: bytes) -> str:
    """Decode a file, and say what came of it.

    Raises:
        CodeFileError: it is none, or cut short.
        AssertionError: another sound came out than the header promises.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        played = 0
        for block in decompress_blocks(model, data):
            assert block.isfinite().all(), "a sample is NaN or Inf"
            played += len(block)
    expected = Header.from_bytes(data)[0].num_samples
    assert played == expected, f"{played} samples were played, and the header says {expected}"
    lost = [warning for warning in caught if issubclass(warning.category, UserWarning)]
    return "played, with lost packets" if lost else "played"
