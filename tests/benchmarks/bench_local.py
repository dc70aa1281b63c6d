"""Local models on long sounds: how many times faster than real time, and how much memory an hour takes.

make bench ARGS="local"
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from hypersound_lib.model import build_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.streaming import stream

NAMES = [name for name in PRESETS if name.startswith("local-")]

# Prints resident memory after importing and loading the model, its peak while a file is reconstructed, in bytes, and
# the seconds. Linux alone; ru_maxrss would not do: a child process begins with its parent's.
_CHILD = """
import json, re, sys, time, torch
from hypersound_lib.file_reconstruction import reconstruct_file
from hypersound_lib.model import build_model
from hypersound_lib.presets import PRESETS
torch.manual_seed(0)
model = build_model(PRESETS[sys.argv[1]].model).eval()
def memory(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = memory("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
start = time.perf_counter()
reconstruct_file(model, sys.argv[2], sys.argv[3])
seconds = time.perf_counter() - start
print(json.dumps([before, memory("VmHWM"), seconds]))
"""


def run(quick: bool = False) -> dict:
    """Return, by preset: seconds of sound per second, streamed, and peak memory of an hour from file to file."""
    seconds, minutes = (10, 2) if quick else (120, 60)
    rows = []
    for name in NAMES:
        row = {"preset": name} | _speed(name, seconds) | _memory(name, minutes)
        rows.append(row)
        speed = f"encode {row['encode_times_real_time']:.0f} and both {row['times_real_time']:.0f} times real time"
        peak = f"{row['above_import_bytes'] / 2**20:.0f} MiB above the import"
        print(f"{name}: {speed}; {minutes} minutes of file in {row['file_seconds']:.0f} s, peak {peak}", flush=True)
    return {"sound_seconds": seconds, "file_minutes": minutes, "runs": rows}


def _speed(name: str, seconds: int) -> dict[str, float]:
    """Time encoding alone, and encoding with decoding; the best of three."""
    torch.manual_seed(0)
    model = build_model(PRESETS[name].model).eval()
    sound = 0.1 * torch.randn(seconds * model.config.sample_rate)
    with torch.no_grad():
        encode = min(_time(lambda: [model.encode(part[None]) for part in sound.split(2**18)]) for _ in range(3))
    both = min(_time(lambda: list(stream(model, sound))) for _ in range(3))
    return {"encode_times_real_time": seconds / encode, "times_real_time": seconds / both}


def _time(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _memory(name: str, minutes: int) -> dict[str, float]:
    """Send a file of noise through a model in a process of its own."""
    from hypersound_lib.data.blocks import write_blocks

    rate = PRESETS[name].model.sample_rate
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "long.flac", Path(folder) / "copy.flac"
        generator = torch.Generator().manual_seed(0)
        write_blocks(source, (0.1 * torch.randn(60 * rate, generator=generator) for _ in range(minutes)), rate)
        command = [sys.executable, "-c", _CHILD, name, str(source), str(target)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, peak, seconds = json.loads(output)
    return {"import_bytes": before, "above_import_bytes": peak - before, "file_seconds": seconds}
