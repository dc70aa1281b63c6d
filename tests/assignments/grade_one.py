"""Grade one notebook as Gradescope would; the function that a worker process runs."""

import os
import time
from pathlib import Path
from typing import Any


def prepare(variables: dict[str, str]) -> None:
    """Set variables of the environment, for the kernels that a worker starts."""
    os.environ.update(variables)


def grade_one(notebook: Path, archive: Path) -> dict[str, Any]:
    """Return seconds, and of each question the points that it got, the points possible, and otter's words."""
    from grade import grade  # here, since a worker learns only later where it is

    os.chdir(notebook.parent)
    start = time.perf_counter()
    graded = grade(notebook, archive)
    return {
        "seconds": time.perf_counter() - start,
        "scores": {name: round(question.score, 5) for name, question in graded.results.items()},
        "possible": {name: question.possible for name, question in graded.results.items()},
        "words": {name: question.summary() for name, question in graded.results.items()},
    }
