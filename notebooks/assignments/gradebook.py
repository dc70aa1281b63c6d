"""What a class knows and what a question is worth: statistics of a folder of gradings.

    python notebooks/assignments/gradebook.py FOLDER

A grading is a JSON file as Gradescope reads it: NAME.json of `make grade`, or NAME/results.json of `otter run`. Points
that a person gave stand in FOLDER/written.csv, if there is one: a column for each such question, and what one can get
in the row `possible`:

    name,q9
    possible,3
    anna,2.5

This writes into the folder gradebook.csv (a row for each student), and questions.csv and questions.md (a row for each
question):

    mean             of the points, over all students
    share            of the students who have full points
    discrimination   correlation of a question's points with those of all other questions together. Near 0 or below it,
                     those who know more do no better here: the question or its test deserves a look
"""

import argparse
import csv
import json
import statistics
import sys
from pathlib import Path

from hypersound_lib.notebook.listening.answers import guarded

Points = dict[str, float]


def read(folder: Path) -> tuple[dict[str, Points], Points]:
    """Return each student's points, and the points possible, by question.

    Raises:
        SystemExit: the folder holds no grading, two of one student, or a file that is none.
    """
    students: dict[str, Points] = {}
    possible: Points = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.parent.name if path.name == "results.json" else path.stem
        if name in students:
            raise SystemExit(f"{folder} holds two gradings of {name}; the second is {path}")
        try:
            tests = [test for test in json.loads(path.read_text(encoding="utf-8"))["tests"] if "max_score" in test]
            students[name] = {test["name"]: float(test["score"]) for test in tests}
            possible |= {test["name"]: float(test["max_score"]) for test in tests}
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path} is no grading ({error!r}); move it out of the folder") from error
    if not possible:
        raise SystemExit(f"{folder} holds no grading; grade the notebooks first: make grade HOMEWORK=… FOLDER={folder}")
    return students, possible


def add_written(students: dict[str, Points], possible: Points, path: Path) -> None:
    """Add the points that a person gave.

    Raises:
        SystemExit: the file has no row `possible`, or a row of somebody who has no grading, or what is no number.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = {row.pop("name", None): row for row in csv.DictReader(file)}
    try:
        points = {name: {q: float(value or 0) for q, value in row.items()} for name, row in rows.items()}
        possible |= points.pop("possible")
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path}: {error!r}; it needs a column name, a row `possible`, and points") from error
    if unknown := sorted(map(str, points.keys() - students.keys())):
        raise SystemExit(f"{path} has points for {', '.join(unknown)}, of whom there is no grading")
    for name, given in points.items():
        students[name] |= given


def discrimination(points: list[float], others: list[float]) -> float | None:
    """Return the correlation of a question's points with those of the other questions; None where all are equal.

    >>> discrimination([0, 1, 2], [3, 5, 7])
    1.0
    """
    try:
        return round(statistics.correlation(points, others), 2)
    except statistics.StatisticsError:  # fewer than two students, or no differences among them
        return None


def summarise(students: dict[str, Points], possible: Points) -> list[dict[str, str]]:
    """Return a row for each question. A question that a grading does not have got no points."""
    rows = []
    totals = {name: sum(points.values()) for name, points in students.items()}
    for question, most in sorted(possible.items()):
        got = [points.get(question, 0.0) for points in students.values()]
        others = [totals[name] - points.get(question, 0.0) for name, points in students.items()]
        value = discrimination(got, others)
        rows.append(
            {
                "question": question,
                "possible": f"{most:g}",
                "mean": f"{statistics.mean(got):.2f}",
                "share of full points": f"{sum(points >= most for points in got) / len(got):.0%}",
                "discrimination": "–" if value is None else f"{value:.2f}",
            }
        )
    return rows


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows whose first column holds names; no name becomes a formula in a spreadsheet."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(guarded, rows[0]))
        writer.writerows([guarded(name), *values] for name, *values in (row.values() for row in rows))


def as_markdown(rows: list[dict[str, str]]) -> str:
    lines = [list(rows[0]), ["---", *["---:"] * (len(rows[0]) - 1)], *[list(row.values()) for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the gradings")
    folder = parser.parse_args(arguments).folder
    students, possible = read(folder)
    if (folder / "written.csv").exists():
        add_written(students, possible, folder / "written.csv")
    questions = summarise(students, possible)
    write_csv(folder / "questions.csv", questions)
    scores = {name: {q: f"{points.get(q, 0.0):g}" for q in sorted(possible)} for name, points in students.items()}
    totals = {name: f"{sum(points.values()):g}" for name, points in students.items()}
    write_csv(folder / "gradebook.csv", [{"name": n} | row | {"total": totals[n]} for n, row in scores.items()])
    table = f"{len(students)} students, {sum(possible.values()):g} points possible\n\n{as_markdown(questions)}\n"
    (folder / "questions.md").write_text(table, encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
