"""The local model's speed: a minute in memory, an hour from file to file with its peak memory, and a live sound.

make bench ARGS="local"

Each measurement runs in a process of its own, with 1 and with 2 threads.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.data import load_dataset, peak_normalize, resample
from hypersound_lib.data.writing import write_blocks
from hypersound_lib.local.model import LocalHyperSound

ROOT = Path(__file__).resolve().parents[2]
KBPS = (6.0, 24.0)  # of the minute in memory; the first one of the hour, too
THREADS = (1, 2)
LIVE_BLOCK = 64  # samples
LIVE_KNOB = 128


def run(quick: bool = False, model: str = "local") -> dict:
    """Return seconds of sound per second of computing, memory, and latency, by number of threads."""
    seconds, minutes = (10, 2) if quick else (60, 60)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.flac"
        write_blocks(source, speech(60 * minutes), 22050)
        for threads in THREADS:
            row = {"threads": threads, "in_memory": [_child(threads, "minute", model, seconds, k) for k in KBPS]}
            row["file"] = _child(threads, "file", model, source, KBPS[0])
            row["live"] = _child(threads, "live", model, min(seconds, 10))
            rows.append(row)
            print(json.dumps(row), flush=True)
    return {"sound_seconds": seconds, "file_minutes": minutes, "runs": rows}


def speech(seconds: float, rate: int = 22050) -> Iterator[Tensor]:
    """Yield so much speech, a recording of the embedded corpus after the other, again and again."""
    data, left, number = load_dataset("mini"), round(seconds * rate), 0
    while left > 0:
        recording = data[number % len(data)]
        sound = peak_normalize(resample(recording.waveform, recording.sample_rate, rate), 0.9)[:left]
        yield sound
        left, number = left - len(sound), number + 1


def _child(threads: int, task: str, *arguments: object) -> dict[str, float]:
    """Run one of `TASKS` in a new process and return what it prints."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_local", task, *map(str, arguments)]
    settings = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=os.environ | settings, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def in_memory(model: str, seconds: str, kbps: str) -> dict[str, float]:
    """Time compressing and decompressing apart: the best of seven, as others use the machine, too."""
    network = LocalHyperSound.from_pretrained(model)
    sound = torch.cat(list(speech(float(seconds))))
    data = network.compress(sound, 22050, kbps=float(kbps))
    encode = _best_of_seven(lambda: network.compress(sound, 22050, kbps=float(kbps)))
    decode = _best_of_seven(lambda: network.decompress(data))
    return {
        "asked_kbps": float(kbps),
        "kbps": len(data) / 125 / float(seconds),
        "encode_times_real_time": float(seconds) / encode,
        "decode_times_real_time": float(seconds) / decode,
        "times_real_time": float(seconds) / (encode + decode),
    }


def file_to_file(model: str, source: str, kbps: str) -> dict[str, float]:
    """Compress a file, decompress it into another one; time both, and watch the memory."""
    from hypersound_lib.coding.files import compress_file, decompress_file, read_code_file, survey_file, write_code_file
    from hypersound_lib.coding.rate import Rate

    network = LocalHyperSound.from_pretrained(model)
    code, copy = Path(source).with_suffix(".hs"), Path(source).with_name("copy.flac")
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start = time.perf_counter()
    surveyed = survey_file(network, Path(source))
    size = write_code_file(code, compress_file(network, surveyed, Rate.of(float(kbps), None)))
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


def live(model: str, seconds: str) -> dict[str, float]:
    """Feed a sound in small blocks; count the input that the first sound takes, and time all of it."""
    from hypersound_lib.local.streaming import latency, stream

    network = LocalHyperSound.from_pretrained(model)
    fed = 0

    def fed_blocks() -> Iterator[Tensor]:
        nonlocal fed
        for block in torch.cat(list(speech(float(seconds)))).split(LIVE_BLOCK):
            fed += len(block)
            yield block

    played = stream(network, fed_blocks(), LIVE_KNOB)
    start = time.perf_counter()
    next(played)
    first = fed
    for _ in played:
        pass
    return {
        "first_sound_ms": 1000 * first / 22050,
        "latency_ms": 1000 * latency(network),
        "times_real_time": float(seconds) / (time.perf_counter() - start),
    }


def _best_of_seven(function: Callable[[], object]) -> float:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def _memory(name: str) -> int:
    """Return a line of /proc/self/status in bytes. Linux alone; ru_maxrss begins with the parent's peak."""
    return 1024 * int(re.search(name + r":\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


TASKS = {"minute": in_memory, "file": file_to_file, "live": live}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
