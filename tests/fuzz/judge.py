"""What a fuzzer is, and how its inputs are judged: a right result, a named error, or a fault.

A fault is any other end: another exception, a result that is known to be wrong (an AssertionError of the fuzzer's own),
more time or more memory than an input may take. Inputs are drawn by chance from a seed, so each can be tried again.
"""

import random
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypersound_lib.errors import HyperSoundError

SECONDS = 20.0  # of the processor's time that one input may take
MEBIBYTES = 512.0  # that one input may add to the largest memory so far
_SHOWN = 20  # faults whose messages are kept

Try = Callable[[random.Random], str]


@dataclass(frozen=True)
class Fuzzer:
    """A class of inputs."""

    name: str  # in the record
    prepare: Callable[[Path], Try]  # in an empty folder; what it returns tries one input, and says how it ended
    inputs: int  # that `make fuzz` tries
    fast: int  # that the gate tries


def fuzz(
    fuzzer: Fuzzer, folder: Path, count: int, seed: int = 0, progress: bool = False, limit: float = SECONDS
) -> dict:
    """Try so many inputs; return how they ended, the messages of faults, the slowest input's time, and added memory."""
    attempt = fuzzer.prepare(folder)
    right, named, faults, slowest, before = Counter(), Counter(), [], 0.0, _memory()
    for number in range(count):
        start, held = time.perf_counter(), _memory()
        try:
            with warnings.catch_warnings(), time_limit(limit):
                warnings.simplefilter("ignore")
                right[attempt(random.Random(f"{seed} {number}"))] += 1
            if _memory() - held > MEBIBYTES:
                raise MemoryError(f"{_memory() - held:.0f} MiB more than before")
        except HyperSoundError as error:
            named[type(error).__name__] += 1
        except Exception as error:
            faults.append(f"{fuzzer.name} {number} of seed {seed}: {error!r:.500}")
            print(f"… {faults[-1]}", file=sys.stderr, flush=True)
        slowest = max(slowest, time.perf_counter() - start)
        if progress and (number + 1) % 500 == 0:
            print(f"… {fuzzer.name}: {number + 1} inputs, {len(faults)} faults", file=sys.stderr, flush=True)
    return {
        "inputs": count,
        "right": dict(sorted(right.items())),
        "named_errors": dict(sorted(named.items())),
        "faults": len(faults),
        "fault_messages": faults[:_SHOWN],
        "slowest_seconds": round(slowest, 3),
        "added_mebibytes": round(_memory() - before, 1),
    }


def damaged(files: list[bytes], generator: random.Random) -> bytes:
    """Return one of the files, changed in one to three places, as disks and networks do it."""
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


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes more time of the processor, or waits for ten times as long."""

    def stop(*_):
        raise TimeoutError(f"an input took more than {seconds} s")

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, seconds), signal.SIGALRM: (signal.ITIMER_REAL, 10 * seconds)}
    before = {number: signal.signal(number, stop) for number in timers}
    try:
        for timer, limit in timers.values():
            signal.setitimer(timer, limit)
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def _memory() -> float:
    """Return the most memory that the process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
