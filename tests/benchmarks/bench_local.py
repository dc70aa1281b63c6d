"""The local model's speed: a minute in memory, an hour from file to file with its peak memory, and a live sound.

make bench ARGS="local"

Each measurement runs in a process of its own, with 1 and with 2 threads.
"""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.coding.files import compress_file, decompress_file, read_code_file, survey_file, write_code_file
from hypersound_lib.coding.rate import Rate
from hypersound_lib.data import load_dataset, peak_normalize, resample
from hypersound_lib.data.writing import write_blocks
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.local.streaming import latency, stream
from tests.benchmarks.common import in_child, seconds, told

KBPS = (6.0, 24.0)  # of the minute in memory; the first one of the hour, too
THREADS = (1, 2)
LIVE_BLOCK = 64  # samples
LIVE_KNOB = 128


def run(quick: bool = False, model: str = "local") -> dict:
    """Return seconds of sound per second of computing, memory, and latency, by number of threads."""
    length, minutes = (10, 2) if quick else (60, 60)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.flac"
        write_blocks(source, speech(60 * minutes), 22050)
        rows = [told(measure(threads, model, f"{source}", length)) for threads in THREADS]
    return {"sound_seconds": length, "file_minutes": minutes, "runs": rows}


def measure(threads: int, model: str, source: str, length: float) -> dict:
    settings = {"OMP_NUM_THREADS": f"{threads}", "MKL_NUM_THREADS": f"{threads}"}
    return {
        "threads": threads,
        "in_memory": [in_child(in_memory, model, length, kbps, **settings) for kbps in KBPS],
        "file": in_child(file_to_file, model, source, KBPS[0], **settings),
        "live": in_child(live, model, min(length, 10), **settings),
    }


def speech(length: float, rate: int = 22050) -> Iterator[Tensor]:
    """Yield so many seconds of speech, a recording of the embedded corpus after the other, again and again."""
    data, left, number = load_dataset("mini"), round(length * rate), 0
    while left > 0:
        recording = data[number % len(data)]
        sound = peak_normalize(resample(recording.waveform, recording.sample_rate, rate), 0.9)[:left]
        yield sound
        left, number = left - len(sound), number + 1


def in_memory(model: str, length: float, kbps: float) -> dict[str, float]:
    """Time compressing and decompressing apart: the best of seven, as others use the machine, too."""
    network = LocalHyperSound.from_pretrained(model)
    sound = torch.cat(list(speech(length)))
    data = network.compress(sound, 22050, kbps=kbps)
    encode = min(seconds(lambda: network.compress(sound, 22050, kbps=kbps)) for _ in range(7))
    decode = min(seconds(lambda: network.decompress(data)) for _ in range(7))
    return {
        "asked_kbps": kbps,
        "kbps": len(data) / 125 / length,
        "encode_times_real_time": length / encode,
        "decode_times_real_time": length / decode,
        "times_real_time": length / (encode + decode),
    }


def file_to_file(model: str, source: str, kbps: float) -> dict[str, float]:
    """Compress a file, decompress it into another one; time both, and watch the memory."""
    network = LocalHyperSound.from_pretrained(model)
    code, copy = Path(source).with_suffix(".hs"), Path(source).with_name("copy.flac")
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start = time.perf_counter()
    surveyed = survey_file(network, Path(source))
    size = write_code_file(code, compress_file(network, surveyed, Rate.of(kbps, None)))
    middle = time.perf_counter()
    write_blocks(copy, decompress_file(network, read_code_file(code), 22050), 22050)
    end = time.perf_counter()
    return {
        "kbps": size / 125 / surveyed.seconds,
        "encode_seconds": middle - start,
        "decode_seconds": end - middle,
        "times_real_time": surveyed.seconds / (end - start),
        "import_bytes": before,
        "above_import_bytes": _memory("VmHWM") - before,
    }


def live(model: str, length: float) -> dict[str, float]:
    """Feed a sound in small blocks; count the input that the first sound takes, and time all of it."""
    network, fed = LocalHyperSound.from_pretrained(model), []

    def fed_blocks() -> Iterator[Tensor]:
        for block in torch.cat(list(speech(length))).split(LIVE_BLOCK):
            fed.append(len(block))
            yield block

    played = stream(network, fed_blocks(), LIVE_KNOB)
    start = time.perf_counter()
    next(played)
    first = sum(fed)
    for _ in played:
        pass
    return {
        "first_sound_ms": 1000 * first / 22050,
        "latency_ms": 1000 * latency(network),
        "times_real_time": length / (time.perf_counter() - start),
    }


def _memory(name: str) -> int:
    """Return a line of /proc/self/status in bytes. Linux alone; ru_maxrss begins with the parent's peak."""
    return 1024 * int(re.search(name + r":\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
