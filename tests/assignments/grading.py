"""Grade many notebooks, a few at a time, each in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .homework import ENVIRONMENT, Built

GRADING_SECONDS = 180  # the longest that a grading may take
AT_A_TIME = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class Grading:
    """What a grading gave, by question, and how long it took."""

    scores: dict[str, float]
    possible: dict[str, float]
    words: dict[str, str]
    seconds: float

    @property
    def lost(self) -> dict[str, float]:
        """Return the points lost, of the questions that lost any."""
        lost = {name: round(self.possible[name] - score, 5) for name, score in self.scores.items()}
        return {name: points for name, points in lost.items() if points}

    def explain(self) -> str:
        """Return otter's words on the questions that lost points, for the message of a failing test."""
        return "\n\n".join(f"{name}: {self.words[name]}" for name in self.lost)


def grade(built: Built, notebook: NotebookNode, folder: Path) -> Grading:
    """Grade `notebook` as a submission to this homework, in the new `folder`.

    Raises:
        RuntimeError: otter failed.
        subprocess.TimeoutExpired: the grading took too long; it has been ended, and its kernel ends itself.
    """
    folder.mkdir(parents=True)
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith("%pip")]  # otter is here, save 5 s
    submission, result = folder / built.homework.master.name, folder / "result.json"
    nbformat.write(notebook, submission)
    command = [sys.executable, Path(__file__).with_name("grade_one.py"), submission, built.archive, result]
    start = time.perf_counter()
    process = subprocess.run(
        command, cwd=folder, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=GRADING_SECONDS
    )
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"otter failed on {submission}\n{process.stdout}{process.stderr}")
    questions = json.loads(result.read_text())
    return Grading(
        scores={name: entry["score"] for name, entry in questions.items()},
        possible={name: entry["possible"] for name, entry in questions.items()},
        words={name: entry["words"] for name, entry in questions.items()},
        seconds=seconds,
    )


class Gradings:
    """Gradings under way. Each is submitted when the tests start, so that they overlap, and awaited by its own test."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.pool = ThreadPoolExecutor(AT_A_TIME)
        self.futures: dict[str, Future[Grading]] = {}

    def submit(self, case: str, built: Built, notebook: Callable[[Built], NotebookNode]) -> None:
        """Queue the grading of what `notebook` makes of the build, under the name `case`."""
        self.futures[case] = self.pool.submit(lambda: grade(built, notebook(built), self.folder / case))

    def result(self, case: str) -> Grading:
        """Wait for a grading; raise what it raised."""
        return self.futures[case].result()

    def close(self) -> None:
        """Drop what has not begun, as after a run that was told to stop at the first failure."""
        self.pool.shutdown(cancel_futures=True)
