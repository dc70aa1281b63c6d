"""Grade one notebook as Gradescope would; the function that a worker process runs."""

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Grading:
    """What a grading gave, by question, and how long it took."""

    scores: dict[str, float]
    possible: dict[str, float]
    words: dict[str, str]
    seconds: float

    @property
    def lost(self) -> dict[str, float]:
        lost = {name: round(self.possible[name] - score, 5) for name, score in self.scores.items()}
        return {name: points for name, points in lost.items() if points}

    def explain(self) -> str:
        """Return otter's words on the questions that lost points, for the message of a failing test."""
        return "\n\n".join(f"{name}: {self.words[name]}" for name in self.lost)


def prepare(variables: dict[str, str]) -> None:
    os.environ.update(variables)


def grade_one(notebook: Path, archive: Path) -> Grading:
    from grade import grade  # here, since a worker learns only later where it is

    os.chdir(notebook.parent)
    start = time.perf_counter()
    results = grade(notebook, archive).results
    return Grading(
        scores={name: round(question.score, 5) for name, question in results.items()},
        possible={name: question.possible for name, question in results.items()},
        words={name: question.summary() for name, question in results.items()},
        seconds=time.perf_counter() - start,
    )
