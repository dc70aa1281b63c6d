"""Answers: the file is whole after each trial, listening goes on where it stopped, and the better comes first."""

import csv
import math

import numpy as np
import pytest

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.listening import ANCHOR, HIDDEN_REFERENCE, Answers, Recording, ranking, rating_test
from hypersound_lib.notebook.listening.answers import read_rows
from tests.notebook.listening.made import recordings


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


def with_text(change):
    """Return what writes a file of answers again, with its text changed."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


IMPOSSIBLE = [b"105", b"-3", b"loud", b"", b"nan"]
SPOILT = {
    "twice": (with_text(lambda text: text + text.splitlines()[2] + b"\n"), "trial 1, B has 2 answers"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), r"cannot be read \(Is a directory\)"),
    "long": (with_text(lambda _: b'time\n"%s"\n' % (b"x" * 200_000)), "not a text file of answers .*limit"),
    "no text": (with_text(lambda _: b"\xff\xfe\x00\x01"), "not a text file of answers"),
    "other columns": (with_text(lambda _: b"name;value\n1;2\n"), "not a file of answers"),
    "fewer columns": (with_text(lambda _: b"time,mode\n"), "not a file of answers"),
    "empty": (with_text(lambda _: b""), "not a file of answers"),
    "half a row": (with_text(lambda text: text + b"2026-01-01,rat"), "not a file of answers"),
    **{
        f"rating {rating}": (
            with_text(lambda text, rating=rating: text.replace(b",77", b"," + rating)),
            r"trial 1, B: .* cannot be",
        )
        for rating in IMPOSSIBLE
    },
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_file_that_cannot_be_counted_is_refused_and_left_alone(path, case):
    trials = rating_test(recordings())
    Answers(trials, path).rate(trials[0], {"A": 11, "B": 77, "C": 22, "D": 33})
    spoil, message = SPOILT[case]
    spoil(path)
    before = path.is_file() and path.read_bytes()
    for read_it in (lambda: Answers(trials, path), lambda: ranking(path)):
        with pytest.raises(ConfigError, match=f"{path}: .*{message}"):
            read_it()
    assert before == (path.is_file() and path.read_bytes())


TRUE_QUALITY = {HIDDEN_REFERENCE: 95, "good": 70, "poor": 40, ANCHOR: 20}


def simulate_rater(path, seed, count=6):
    """A listener who hears the true quality, give or take 10 points."""
    trials = rating_test(recordings(count, systems=("poor", "good")), seed)
    answers, generator = Answers(trials, path), np.random.default_rng(seed)
    for trial in trials:
        heard = {
            letter: TRUE_QUALITY[system] + 10 * generator.standard_normal() for letter, system in trial.key.items()
        }
        answers.rate(trial, {letter: float(np.clip(value, 0, 100)) for letter, value in heard.items()})
    return path


def test_the_better_comes_first_and_the_interval_covers_the_truth(tmp_path):
    ranks = ranking(*(simulate_rater(tmp_path / f"{seed}.csv", seed) for seed in range(3)))
    assert list(ranks) == list(TRUE_QUALITY)
    for system, rank in ranks.items():
        assert rank.count == 18
        assert rank.low < rank.mean < rank.high
        assert abs(rank.mean - TRUE_QUALITY[system]) < 10
    good, poor = ranks["good"], ranks["poor"]
    assert good.low < 70 < good.high
    assert poor.high < good.low


def test_one_rating_has_no_interval(path):
    for rank in ranking(simulate_rater(path, 0, count=1)).values():
        assert rank.count == 1
        assert math.isnan(rank.low)
        assert math.isnan(rank.high)


@pytest.mark.parametrize(("names", "message"), [(["missing.csv"], r"missing\.csv"), ([], "no file")])
def test_no_answers_are_refused(tmp_path, names, message):
    with pytest.raises(ConfigError, match=message):
        ranking(*(tmp_path / name for name in names))
