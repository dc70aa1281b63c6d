"""Whether a GPU computes what it should: the tests of tests/gpu, with their outcomes as a record.

    make gpu            (or: make bench ARGS="gpu_correctness")

Without a GPU it measures nothing; `--quick` rehearses the fast ones on a simulated device and writes nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import torch

ROOT = Path(__file__).parents[2]
TIME_LIMIT = 600  # seconds: a part of `make gpu` takes ten minutes at most


def run(quick: bool = False) -> dict:
    """Run the tests; return how each ended."""
    # Not the tests' common settings above tests/gpu, which want a browser.
    command = [sys.executable, "-m", "pytest", "-q", "--confcutdir=tests/gpu", "tests/gpu", *_options(quick)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run([*command, f"--junitxml={report}"], cwd=ROOT, check=False, timeout=TIME_LIMIT)
        cases = ElementTree.parse(report).getroot().iter("testcase")
        outcomes = {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}
    counts = {
        kind: sum(o["outcome"] == kind for o in outcomes.values()) for kind in ("passed", "failed", "passed over")
    }
    return {"device": torch.cuda.get_device_name() if not quick else "simulated", **counts, "tests": outcomes}


def _options(quick: bool) -> list[str]:
    try:
        import xdist  # noqa: F401 - half of the time goes into float64 on the CPU, which several processes share

        workers = ["-n", str(min(8, max(1, (os.cpu_count() or 1) // 2)))]
    except ImportError:
        workers = []
    return [*workers, "-k", "term or fit"] if quick else workers


def _outcome(case: ElementTree.Element) -> dict:
    for kind, tag in (("failed", "failure"), ("failed", "error"), ("passed over", "skipped")):
        if (found := case.find(tag)) is not None:
            return {"outcome": kind, "message": (found.get("message") or "")[:300]}
    return {"outcome": "passed", "seconds": float(case.get("time", 0))}
