"""A listener's answers, in a CSV file that is whole after every trial: stop at any time, and go on later.

    time, mode, trial, recording, letter, system, rating, answer, correct

A rating fills a row per letter; an ABX answer fills one, whose letter is X, whose system is the one that was compared
with the reference, whose answer is A or B, and whose last column is 1 if that is right, else 0.

A name that a spreadsheet would compute, such as =1+1, has a ' before it in the file.
"""

import csv
import math
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hypersound_lib.errors import ConfigError
from hypersound_lib.files import atomic_path
from hypersound_lib.notebook.listening.trials import ListeningTest, Trial

COLUMNS = ("time", "mode", "trial", "recording", "letter", "system", "rating", "answer", "correct")
_NAMES = ("recording", "system")  # columns that hold what others chose


class Answers:
    """The answers to one test in one file. A rating test and an ABX test may share a file.

    Args:
        test: what is answered.
        path: of the CSV file; it is read if it is there, and its answers count.

    Raises:
        ConfigError: the file holds something else, or answers to another test of this kind.
    """

    def __init__(self, test: ListeningTest, path: str | os.PathLike):
        self.test, self.path = test, Path(path)
        self._read_own()

    def rate(self, trial: Trial, ratings: Mapping[str, float]) -> None:
        """Save a rating from 0 to 100 for each letter; an earlier answer to this trial is replaced.

        Raises:
            ConfigError: not a rating trial, a letter is missing or unknown, or a rating is out of range.
        """
        self._expect("rating", trial)
        if set(ratings) != set(trial.sounds):
            raise ConfigError(f"trial {trial.number} asks for {', '.join(trial.sounds)}, not {', '.join(ratings)}")
        for letter, rating in ratings.items():
            if not (math.isfinite(rating) and 0 <= rating <= 100):
                raise ConfigError(f"the rating of {letter} is {rating}: give one from 0 to 100")
        rows = [{"letter": letter, "system": trial.key[letter], "rating": ratings[letter]} for letter in trial.sounds]
        self._save(trial, rows)

    def choose(self, trial: Trial, answer: str) -> None:
        """Save whether X is "A" or "B"; an earlier answer to this trial is replaced.

        Raises:
            ConfigError: not an ABX trial, or another answer.
        """
        self._expect("abx", trial)
        if answer not in ("A", "B"):
            raise ConfigError(f"X is A or B, not {answer!r}")
        correct = int(trial.key[answer] == trial.key["X"])
        self._save(trial, [{"letter": "X", "system": trial.system, "answer": answer, "correct": correct}])

    def given(self, trial: Trial) -> dict[str, float] | str | None:
        """Return what was answered to a trial: ratings by letter, "A" or "B", or None if nothing yet."""
        rows = [row for row in self._read_own() if row["trial"] == str(trial.number)]
        if not rows:
            return None
        if self.test.mode == "abx":
            return rows[0]["answer"]
        return {row["letter"]: float(row["rating"]) for row in rows}

    def first_open(self) -> int:
        """Return the index of the first trial without an answer, `len(test.trials)` if there is none."""
        answered = {int(row["trial"]) for row in self._read_own()}
        numbers = [trial.number for trial in self.test.trials]
        return next((i for i, number in enumerate(numbers) if number not in answered), len(numbers))

    def _expect(self, mode: str, trial: Trial) -> None:
        if self.test.mode != mode or trial not in self.test.trials:
            raise ConfigError(f"trial {trial.number} is not one of this {self.test.mode} test: it cannot be saved here")

    def _save(self, trial: Trial, rows: list[dict]) -> None:
        """Replace the trial's rows; everything else in the file stays."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        common = {"time": time, "mode": self.test.mode, "trial": trial.number, "recording": trial.recording}
        self._read_own()  # whatever was written meanwhile must be ours
        kept = [
            row for row in read_rows(self.path) if (row["mode"], row["trial"]) != (self.test.mode, str(trial.number))
        ]
        with atomic_path(self.path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            rows = kept + [common | row for row in rows]
            writer.writerows(row | {name: guarded(row[name]) for name in _NAMES if name in row} for row in rows)

    def _read_own(self) -> list[dict[str, str]]:
        """Return the rows of this kind of test, after checking that they are of this test."""
        rows = [row for row in read_rows(self.path) if row["mode"] == self.test.mode]
        known = {
            (str(trial.number), trial.recording, letter, trial.system or trial.key[letter])
            for trial in self.test.trials
            for letter in trial.sounds
        }
        for row in rows:
            if (row["trial"], row["recording"], row["letter"], row["system"]) not in known:
                raise ConfigError(
                    f"{self.path}: trial {row['trial']} ({row['recording']}) is of another test: other recordings, "
                    "systems or seed. Choose another file"
                )
        return rows


def read_rows(path: str | os.PathLike) -> list[dict[str, str]]:
    """Read a file of answers in the order of the file; none if there is no file.

    Raises:
        ConfigError: its columns are others, or an answer is impossible.
    """
    if not os.path.exists(path):
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # a spreadsheet may put a mark at the beginning
            reader = csv.DictReader(file)
            columns, rows = tuple(reader.fieldnames or ()), [_as_given(row) for row in reader]
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file ({error})") from error
    if columns != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise ConfigError(f"{path}: not a file of answers, which has the columns {', '.join(COLUMNS)}")
    for row in rows:
        if not _is_possible(row):
            raise ConfigError(
                f"{path}: trial {row['trial']}, {row['letter']}: rating {row['rating']!r}, answer {row['answer']!r}, "
                f"correct {row['correct']!r} cannot be. A rating is from 0 to 100, an answer A or B, correct 0 or 1"
            )
    return rows


def guarded(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula: one that could be one has a ' before it."""
    return re.sub(r"^(?='*[=+\-@\t\r])", "'", name)


def _as_given(row: Mapping) -> dict:
    """Return a row with its names as `guarded` was given them."""
    return {**row, **{name: re.sub(r"^'(?='*[=+\-@\t\r])", "", row[name]) for name in _NAMES if row.get(name)}}


def _is_possible(row: Mapping[str, str]) -> bool:
    if row["mode"] == "abx":
        return row["answer"] in ("A", "B") and row["correct"] in ("0", "1")
    try:
        return row["mode"] == "rating" and 0 <= float(row["rating"]) <= 100  # not so for NaN
    except ValueError:
        return False
