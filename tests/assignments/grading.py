"""Grade many notebooks, a few at a time."""

import os
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.assignments.grade_one import Grading, grade_one, prepare  # by the name under which a new process finds them

from .homework import ENVIRONMENT, Built

GRADING_SECONDS = 180  # the longest that a grading may take
AT_A_TIME = 1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1)


class Gradings:
    """Gradings under way. Each is submitted when the tests start, so that they overlap, and awaited by its own test.

    A worker process grades many notebooks, one after the other: otter takes longer to import than to grade. The
    notebooks themselves run in kernels, each in a process of its own.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.pool = ProcessPoolExecutor(AT_A_TIME, get_context("spawn"), prepare, (ENVIRONMENT,))
        self.futures: dict[str, Future] = {}

    def submit(self, case: str, built: Built, notebook: NotebookNode) -> None:
        """Queue the grading of a notebook, as a submission to this homework, under the name `case`; once."""
        if case in self.futures:
            return
        submission = self.folder / case / built.homework.master.name
        submission.parent.mkdir()
        nbformat.write(notebook, submission)
        self.futures[case] = self.pool.submit(grade_one, submission, built.archive)

    def result(self, case: str) -> Grading:
        """Wait for a grading; raise what it raised."""
        return self.futures[case].result()

    def close(self) -> None:
        """Drop what has not begun, as after a run that was told to stop at the first failure."""
        self.pool.shutdown(cancel_futures=True)
