"""Where a measured number comes from: command, seed, revision, machine and versions, kept beside it."""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from hypersound_lib.files import atomic_path

_PACKAGES = ("torch", "torchaudio", "numpy", "auraloss", "librosa", "soundfile", "soxr")


def provenance(command: str, seed: int | None = None) -> dict:
    """Describe the circumstances of a measurement, as a dictionary for JSON."""
    return {
        "command": command,
        "seed": seed,
        "git_revision": _git_revision(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def write_result(path: str | os.PathLike, results: object, origin: dict) -> None:
    """Write measured `results` as a JSON file, atomically, with their `origin`: `provenance` before the measurement."""
    with atomic_path(path) as temporary:
        document = {"provenance": origin, "results": results}
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        # A file's name need not be text. What is none becomes \udcXX, which JSON reads back as it was.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _git_revision() -> str | None:
    """Return the commit that the code is at, marked where files differ from it; None outside a clone.

    A repository that merely has the library installed somewhere below it does not track its files.
    """
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=30
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        # Results are what a run is about to write, and notebooks do not run in it: neither makes the code differ.
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", "../tests", "../notebooks")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _machine() -> dict:
    import torch

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cpu_cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    found = re.search(r"^model name\s*:(.*)", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or "unknown"
