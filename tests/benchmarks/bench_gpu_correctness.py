"""Whether a GPU computes what it should: the tests of tests/gpu, with their outcomes as a record.

    make gpu            (or: make bench ARGS="gpu_correctness")

Each outcome is noted as its test ends, so that a time limit leaves what was done before it. Without a GPU it measures
nothing; `--quick` rehearses the fast tests on a simulated device and writes nothing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
TIME_LIMIT = 570.0  # seconds: a part of `make gpu` takes ten minutes at most
NOTES = "HYPERSOUND_NOTE_OUTCOMES"  # the variable that names the file of outcomes
KINDS = ("passed", "failed", "passed over")


def run(quick: bool = False, tests: str | Path = "tests/gpu", time_limit: float = TIME_LIMIT) -> dict:
    """Run the tests; return how each ended, and which the time limit left out."""
    # Not the tests' common settings above tests/gpu, which want a browser. This module notes outcomes, see below.
    own = [f"--confcutdir={tests}", str(tests), "-p", __name__]
    command = [sys.executable, "-m", "pytest", "-q", *own, *_options(quick)]
    # Nor what a pytest says of itself that may run this.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    # More threads than cores slow each other many times over.
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _workers())))
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.jsonl"
        # A group of its own, so that the workers end with it.
        process = subprocess.Popen(command, cwd=ROOT, env=environment | {NOTES: str(notes)}, start_new_session=True)
        try:
            process.wait(time_limit)
        except subprocess.TimeoutExpired:
            print(f"stopped after {time_limit:g} s", flush=True)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    outcomes, collected = {}, []
    for line in lines:
        with suppress(ValueError):  # the last one may be cut
            note = json.loads(line)
            collected += note.pop("collected", [])
            outcomes |= note
    counts = {kind: sum(o["outcome"] == kind for o in outcomes.values()) for kind in KINDS}
    device = torch.cuda.get_device_name() if not quick else "simulated"
    found = {"device": device, "time_limit": time_limit, **counts, "tests": outcomes}
    if process.returncode not in (0, 1, -signal.SIGKILL):  # 1: tests failed
        raise RuntimeError(f"pytest ended with {process.returncode} after {found}")
    left_out = sorted(set(collected) - outcomes.keys()) if collected else ["all: none had begun"]
    return found | ({"left_out": left_out} if left_out else {})


def _workers() -> int:
    """Return how many processes share the tests: most of the time goes into float64 on the CPU."""
    return min(12, os.cpu_count() or 1) if find_spec("xdist") else 1


def _options(quick: bool) -> list[str]:
    workers = ["-n", str(_workers()), "--dist", "worksteal"] if find_spec("xdist") else []
    return [*workers, "-k", "term or fit"] if quick else workers


# What pytest calls, which loads this module by `-p`: in the process that runs tests, or in each of its workers.


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests there are: the first worker does so for all."""
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0" and session.items:
        _note({"collected": [item.nodeid for item in session.items]})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a test ended; one that fails while it is cleaned up has failed."""
    if "PYTEST_XDIST_WORKER" in os.environ or not (report.when == "call" or not report.passed):
        return
    kind = "passed over" if report.skipped else report.outcome
    row = {"outcome": kind, "seconds": round(report.duration, 3)}
    if not report.passed:
        row["message"] = (report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext)[-300:]
    _note({report.nodeid: row})


def _note(note: dict) -> None:
    if NOTES in os.environ:
        with open(os.environ[NOTES], "a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
