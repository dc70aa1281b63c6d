"""The gradebook of a class: what each question is worth, from the files that graders leave."""

import csv
import json
from pathlib import Path

import gradebook
import pytest

from hypersound_lib.notebook.listening.answers import guarded


def grading(path: Path, **scores: float) -> None:
    """Write a grading as otter does: q1 has 3 points, q2 has 2; what has no points is a summary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tests = [{"name": name, "score": score, "max_score": {"q1": 3, "q2": 2}[name]} for name, score in scores.items()]
    path.write_text(json.dumps({"tests": [{"name": "Public Tests", "status": "passed"}, *tests]}))


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    grading(tmp_path / "anna.json", q1=3, q2=2)
    grading(tmp_path / "ben" / "results.json", q1=3, q2=1)
    grading(tmp_path / "=1+1.json", q1=0, q2=0)
    grading(tmp_path / "@dora.json", q1=1, q2=0)
    return tmp_path


def test_statistics_of_each_question(folder, capsys):
    assert gradebook.main([str(folder)]) == 0
    rows = {row["question"]: row for row in read(folder / "questions.csv")}
    assert rows["q1"]["mean"] == "1.75"
    assert rows["q1"]["share of full points"] == "50%"
    assert rows["q2"]["share of full points"] == "25%"
    assert rows["q1"]["discrimination"] == "0.87"  # of 3, 3, 0, 1 with 2, 1, 0, 0
    table = (folder / "questions.md").read_text()
    assert "| q1 | 3 | 1.75 | 50% | 0.87 |" in table
    assert table.strip() in capsys.readouterr().out


def test_names_are_no_formulas(folder):
    gradebook.main([str(folder)])
    rows = {row["name"]: row for row in read(folder / "gradebook.csv")}
    assert set(rows) == {"anna", "ben", "'=1+1", "'@dora"} == set(map(guarded, ("anna", "ben", "=1+1", "@dora")))
    assert rows["ben"] == {"name": "ben", "q1": "3", "q2": "1", "total": "4"}


def test_points_of_a_person_count(folder):
    (folder / "written.csv").write_text("name,q9\npossible,3\nanna,2.5\nben,\n")
    gradebook.main([str(folder)])
    (q9,) = [row for row in read(folder / "questions.csv") if row["question"] == "q9"]
    assert (q9["possible"], q9["mean"]) == ("3", "0.62")
    assert {row["name"]: row["total"] for row in read(folder / "gradebook.csv")}["anna"] == "7.5"


def test_a_question_that_all_answer_alike_tells_nothing_and_a_grading_that_failed_is_no_points(tmp_path):
    for name, score in (("anna", 2), ("ben", 1)):
        grading(tmp_path / f"{name}.json", q1=3, q2=score)
    gradebook.main([str(tmp_path)])
    assert [row["discrimination"] for row in read(tmp_path / "questions.csv")] == ["–", "–"]
    # Otter writes such a file where a notebook gave no results.
    (tmp_path / "eve.json").write_text(json.dumps({"tests": [{"name": "Autograder Failed"}], "score": 0}))
    gradebook.main([str(tmp_path)])
    assert {row["name"]: row["total"] for row in read(tmp_path / "gradebook.csv")}["eve"] == "0"


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("x.json", "[]", "x.json is no grading"),
        ("x.json", "{", "x.json is no grading"),
        ("written.csv", "name,q9\nanna,2\n", "a row `possible`"),
        ("written.csv", "name,q9\npossible,3\nzoe,2\n", "zoe, of whom there is no grading"),
        ("written.csv", "name,q9\npossible,3\nanna,two\n", "written.csv: ValueError"),
    ],
)
def test_faulty_files_are_named(folder, file, text, fault):
    (folder / file).write_text(text)
    with pytest.raises(SystemExit, match=fault):
        gradebook.main([str(folder)])


def test_two_gradings_of_one_student_and_an_empty_folder_are_named(folder, tmp_path_factory):
    grading(folder / "later" / "anna.json", q1=3)
    for place, fault in ((folder, "two gradings of anna"), (tmp_path_factory.mktemp("empty"), "holds no grading")):
        with pytest.raises(SystemExit, match=fault):
            gradebook.main([str(place)])
