"""Answers: the file is whole after each trial, and listening goes on where it stopped."""

import csv

import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.listening import Answers, Recording, ranking, rating_test
from hypersound_lib.notebook.listening.answers import read_rows


def recordings(count=3):
    tone = torch.linspace(-0.5, 0.5, 400)
    return {f"sound, {i}": Recording(tone, {"ours": tone**2, "theirs": tone**3}, 16000) for i in range(count)}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "answers.csv"


def test_ratings_come_back_as_they_were_given(path):
    trials = rating_test(recordings())
    trial = trials[1]
    ratings = {"A": 10, "B": 20.5, "C": 100, "D": 0}
    Answers(trials, path).rate(trial, ratings)
    assert Answers(trials, path).given(trial) == ratings
    rows = read(path)
    assert {row["letter"]: row["system"] for row in rows} == trial.key
    assert {row["recording"] for row in rows} == {trial.recording}
    assert {row["trial"] for row in rows} == {"2"}
    assert all(row["time"].endswith("+00:00") for row in rows)


def test_listening_goes_on_where_it_stopped_and_a_second_answer_replaces_the_first(path):
    made = recordings()
    for expected in range(3):
        trials = rating_test(made, seed=5)  # anew, as after a restart
        answers = Answers(trials, path)
        assert answers.first_open() == expected
        trial = trials[expected]
        answers.rate(trial, dict.fromkeys(trial.sounds, 50))
        assert len(read(path)) == 4 * (expected + 1)
    answers.rate(trials[0], dict.fromkeys(trials[0].sounds, 99))
    assert len(read(path)) == 12
    assert set(answers.given(trials[0]).values()) == {99}
    assert set(answers.given(trials[1]).values()) == {50}
    assert Answers(rating_test(made, seed=5), path).first_open() == 3


@pytest.mark.parametrize(
    ("ratings", "of_another", "message"),
    [
        *((dict.fromkeys("ABCD", 50) | {"A": bad}, False, "from 0 to 100") for bad in (101, -1, float("nan"))),
        (dict.fromkeys("ABCDE", 50), False, "asks for A, B, C, D"),
        ({"A": 50}, False, "asks for"),
        (dict.fromkeys("ABCD", 1), True, "cannot be saved"),
    ],
)
def test_bad_ratings_are_refused_and_nothing_is_written(path, ratings, of_another, message):
    trials, others = rating_test(recordings()), rating_test(recordings(), seed=1)
    with pytest.raises(ConfigError, match=message):
        Answers(trials, path).rate((others if of_another else trials)[0], ratings)
    assert not path.exists()


@pytest.mark.parametrize("other", [rating_test(recordings(), seed=3), rating_test(recordings(1))])
def test_a_file_of_another_test_is_not_taken_for_this_one(path, other):
    trials = rating_test(recordings())
    answers = Answers(trials, path)
    for trial in trials:
        answers.rate(trial, dict.fromkeys(trial.sounds, 50))
    with pytest.raises(ConfigError, match="of another test"):
        Answers(other, path)


@pytest.mark.parametrize("content", [b"name;value\n1;2\n", b"", b"\xff\xfe\x00\x01", b"time,mode\n", None])
def test_a_file_that_holds_something_else_is_left_alone(path, content):
    trials = rating_test(recordings())
    Answers(trials, path).rate(trials[0], dict.fromkeys("ABCD", 50))
    content = path.read_bytes() + b"2026-01-01,rat" if content is None else content  # half a row
    path.write_bytes(content)
    kind = "text file" if b"\xff" in content else "file"
    with pytest.raises(ConfigError, match=f"not a {kind} of answers"):
        Answers(trials, path)
    assert path.read_bytes() == content


def test_an_interrupted_save_loses_nothing(path, monkeypatch):
    trials = rating_test(recordings())
    answers = Answers(trials, path)
    answers.rate(trials[0], dict.fromkeys("ABCD", 50))
    before = path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("csv.DictWriter.writerows", full)
    with pytest.raises(OSError, match="disk full"):
        answers.rate(trials[1], dict.fromkeys("ABCD", 50))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["answers.csv"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-x", "@SUM(A1)", "\tx", "'=1", "''-x", "'plain", "", "voice"])
def test_no_name_is_a_formula_and_every_name_comes_back(name, path):
    (made,) = recordings(1).values()
    sounds = Recording(made.reference, {f"{name}.": made.systems["ours"]}, made.sample_rate)
    trials = rating_test({name: sounds, "another": sounds})
    for trial in trials:
        Answers(trials, path).rate(trial, dict.fromkeys(trial.sounds, 50))
    assert Answers(trials, path).first_open() == 2
    assert {row["recording"] for row in read_rows(path)} == {name, "another"}
    assert f"{name}." in {row["system"] for row in read_rows(path)}
    for row in read(path):
        assert not row["recording"].startswith(("=", "+", "-", "@", "\t"))
        assert not row["system"].startswith(("=", "+", "-", "@", "\t"))


NOT_READABLE = {
    "twice": (lambda path: path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n"), "2 answers"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), r"cannot be read \(Is a directory\)"),
    "long": (lambda path: path.write_text(f'time\n"{"x" * 200_000}"\n'), "not a text file of answers .*limit"),
}


@pytest.mark.parametrize("case", NOT_READABLE)
def test_a_file_that_cannot_be_counted_is_refused(path, case):
    trials = rating_test(recordings())
    Answers(trials, path).rate(trials[0], dict.fromkeys("ABCD", 50))
    spoil, message = NOT_READABLE[case]
    spoil(path)
    for read_it in (lambda: Answers(trials, path), lambda: ranking(path)):
        with pytest.raises(ConfigError, match=f"{path}: .*{message}"):
            read_it()
