"""A listener's answers, in a CSV file that is whole after every trial, and what they say.

    time, trial, recording, letter, system, rating

A name that a spreadsheet would compute, such as =1+1, has a ' before it in the file.
"""

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation.results import Interval, bootstrap
from hypersound_lib.files import atomic_path
from hypersound_lib.notebook.listening.trials import Trial

COLUMNS = ("time", "trial", "recording", "letter", "system", "rating")
_NAMES = ("recording", "system")  # columns that hold what others chose


class Answers:
    """The answers to one test in one file.

    Args:
        trials: what is answered, from `rating_test`.
        path: of the CSV file; it is read if it is there, and its answers count.

    Raises:
        ConfigError: the file holds something else, or answers to another test.
    """

    def __init__(self, trials: Sequence[Trial], path: str | os.PathLike):
        self.trials, self.path = trials, Path(path)
        self._read_own()

    def rate(self, trial: Trial, ratings: Mapping[str, float]) -> None:
        """Save a rating from 0 to 100 for each letter; an earlier answer to this trial is replaced.

        Raises:
            ConfigError: the trial is another test's, a letter is missing or unknown, or a rating is out of range.
        """
        if trial not in self.trials:
            raise ConfigError(f"trial {trial.number} is not one of this test: it cannot be saved here")
        if set(ratings) != set(trial.sounds):
            raise ConfigError(f"trial {trial.number} asks for {', '.join(trial.sounds)}, not {', '.join(ratings)}")
        if bad := [letter for letter, rating in ratings.items() if not _is_possible(rating)]:
            raise ConfigError(f"the rating of {bad[0]} is {ratings[bad[0]]}: give one from 0 to 100")
        # Whatever was written meanwhile must be ours, and stays.
        rows: list[dict] = [row for row in self._read_own() if row["trial"] != str(trial.number)]
        time = datetime.now(UTC).isoformat(timespec="seconds")
        for x in trial.sounds:
            values = (time, trial.number, trial.recording, x, trial.key[x], ratings[x])
            rows.append(dict(zip(COLUMNS, values, strict=True)))
        with atomic_path(self.path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row | {name: guarded(row[name]) for name in _NAMES} for row in rows)

    def given(self, trial: Trial) -> dict[str, float]:
        """Return the ratings of a trial by letter, of those that the file has."""
        rows = [row for row in self._read_own() if row["trial"] == str(trial.number)]
        return {row["letter"]: float(row["rating"]) for row in rows}

    def first_open(self) -> int:
        """Return the index of the first trial that lacks the answer to a letter, `len(trials)` if none does."""
        answered = {(row["trial"], row["letter"]) for row in self._read_own()}
        whole = [all((str(trial.number), letter) in answered for letter in trial.sounds) for trial in self.trials]
        return [*whole, False].index(False)

    def _read_own(self) -> list[dict[str, str]]:
        """Return the file's rows, after checking that they are of this test."""
        rows = read_rows(self.path)
        known = {
            (str(trial.number), trial.recording, letter, system)
            for trial in self.trials
            for letter, system in trial.key.items()
        }
        for row in rows:
            if tuple(row[name] for name in COLUMNS[1:-1]) not in known:
                raise ConfigError(
                    f"{self.path}: trial {row['trial']} ({row['recording']}) is of another test: other recordings, "
                    "systems or seed. Choose another file"
                )
        return rows


def ranking(*paths: str | os.PathLike) -> dict[str, Interval]:
    """Return each system's mean rating, 0 to 100, best first, from files of answers, one per listener.

    The interval is of 95 %, over ratings of all recordings and listeners alike; NaN where there is a single rating.

    Raises:
        ConfigError: there is no rating in them, or one of them is not a file of answers.
    """
    ratings: dict[str, list[float]] = {}
    for row in (row for path in paths for row in read_rows(path)):
        ratings.setdefault(row["system"], []).append(float(row["rating"]))
    if not ratings:
        raise ConfigError(f"no ratings in {', '.join(map(str, paths)) or 'no file'}")
    ranks = {system: bootstrap(values) for system, values in sorted(ratings.items())}
    ranks = {x: r if r.count > 1 else replace(r, low=math.nan, high=math.nan) for x, r in ranks.items()}
    return dict(sorted(ranks.items(), key=lambda item: -item[1].mean))


def read_rows(path: str | os.PathLike) -> list[dict[str, str]]:
    """Read a file of answers in the order of the file; none if there is no file.

    Raises:
        ConfigError: it cannot be read, its columns are others, or an answer is impossible or there twice.
    """
    if not os.path.exists(path):
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # a spreadsheet may put a mark at the beginning
            reader = csv.DictReader(file)
            columns, rows = tuple(reader.fieldnames or ()), [_as_given(row) for row in reader]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a text file of answers ({error}); choose another file") from error
    if columns != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise ConfigError(f"{path}: not a file of answers, which has the columns {', '.join(COLUMNS)}")
    for row in rows:
        if not _is_possible(row["rating"]):
            raise ConfigError(
                f"{path}: trial {row['trial']}, {row['letter']}: the rating {row['rating']!r} cannot be; give one from "
                "0 to 100"
            )
    for (trial, letter), count in Counter((row["trial"], row["letter"]) for row in rows).items():
        if count > 1:
            raise ConfigError(f"{path}: trial {trial}, {letter} has {count} answers; delete all rows of it but one")
    return rows


def guarded(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula: one that could be one has a ' before it."""
    return re.sub(r"^(?='*[=+\-@\t\r])", "'", name)


def _as_given(row: Mapping) -> dict:
    """Return a row with its names as `guarded` was given them."""
    return {**row, **{name: re.sub(r"^'(?='*[=+\-@\t\r])", "", row[name]) for name in _NAMES if row.get(name)}}


def _is_possible(rating: float | str) -> bool:
    try:
        return 0 <= float(rating) <= 100  # not so for NaN
    except ValueError:
        return False
