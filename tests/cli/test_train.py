"""`hypersound train`: starts from a preset, stops politely, and goes on from what its folder tells."""

import json
import os
import shutil
import signal

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import save_audio
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.training import read_log
from tests.cli.test_refusals import files_in
from tests.simulated_device import simulated_device


@pytest.fixture
def start(tiny, voices, tmp_path):
    """Return the arguments that start a run, and its folder."""
    out = tmp_path / "run"
    return ["train", "--preset", "tiny", "--data", str(voices), "--out", str(out), "--device", "cpu"], out


def test_a_run_leaves_logs_checkpoint_settings_and_the_best_weights(start, voices, capsys):
    arguments, out = start
    assert main([*arguments, "--seed", "5", "--learning-rate", "1e-3"]) == 0
    text = capsys.readouterr().out
    assert "tiny: " in text
    assert ": 2 recordings, " in text
    assert "12 clips of 0.032 s, and 2 recordings to validate on" in text  # 2 · 1600 samples; one speaker is for tests
    assert "finished after 3 steps" in text
    assert f"are in {out / 'best'}" in text
    assert json.loads((out / "run.json").read_text()) == {
        "preset": "tiny",
        "weights": None,
        "data": [str(voices.resolve())],
        "root": None,
        "store": None,
        "minutes": None,
        "seed": 5,
    }
    assert json.loads((out / "training.json").read_text())["learning_rate"] == 1e-3
    model = HyperSound.from_pretrained(out)
    assert model.facts["step"] == 3
    assert model.facts["training"]["seed"] == 5


@pytest.mark.parametrize(("flags", "said"), [(["cuda"], 1), (["cuda", "--no-tf32"], 0), (["cpu"], 0)])
def test_a_training_says_once_where_float32_is_rounded(flags, said, start, capsys):
    """`train` says it, so that it is said in Python, too."""
    arguments, _ = start
    with simulated_device():
        assert main([*arguments, "--device", *flags]) == 0
    assert capsys.readouterr().out.count("on the GPU float32 products are TF32") == said


def test_resuming_needs_the_folder_alone_and_new_options_win(start, tmp_path, monkeypatch, capsys):
    arguments, out = start
    assert main([*arguments, "--batch-size", "4", "--loss", "mse+smooth_l1"]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--resume", "--out", "run", "--steps", "5"]) == 0
    assert "finished after 5 steps" in capsys.readouterr().out
    log = read_log(out / "train.csv")
    assert log["step"] == [1, 2, 3, 4, 5]
    assert "smooth_l1" in log
    training = json.loads((out / "training.json").read_text())
    assert (training["steps"], training["batch_size"], training["loss"]["terms"]) == (5, 4, "mse+smooth_l1")
    assert main(["train", "--resume", "--out", "run"]) == 0
    assert "nothing left to do" in capsys.readouterr().out


def test_an_interrupted_run_and_one_out_of_time_say_how_to_go_on(start, tmp_path, monkeypatch, capsys):
    arguments, out = start
    assert main([*arguments, "--steps", "100000", "--max-seconds", "0.01", "--out", str(tmp_path / "short")]) == 0
    assert "out of time after " in (text := capsys.readouterr().out)
    assert "--resume" in text
    monkeypatch.setattr(
        "hypersound_lib.training.state.TrainingState.update_average",
        lambda state: state.step == 1 and os.kill(os.getpid(), signal.SIGINT),
    )
    assert main([*arguments, "--steps", "1000"]) == 130
    text = capsys.readouterr().out
    assert "interrupted after 2 steps" in text
    assert f"hypersound train --resume --out {out}\n" in text


def test_a_training_may_start_from_weights(start, tmp_path, monkeypatch, capsys):
    arguments, first = start
    assert main(arguments) == 0
    weights = HyperSound.from_pretrained(first).state_dict()
    monkeypatch.chdir(tmp_path)
    still = ["--learning-rate", "1e-30", "--weight-decay", "0", "--seed", "5", "--out", "second"]
    assert main([*arguments, "--weights", "run", *still]) == 0
    assert f"tiny, from {first.resolve()}: " in capsys.readouterr().out
    for name, value in HyperSound.from_pretrained("second").state_dict().items():
        assert torch.equal(value, weights[name]), name
    shutil.rmtree(first)  # to go on, checkpoints are enough
    assert main(["train", "--resume", "--out", "second", "--steps", "5", "--device", "cpu"]) == 0
    assert main(["train", "--resume", "--out", "second", "--weights", "local"]) == 2
    assert "train 'local' in another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--preset", "tinny"], "'tinny' is no preset; did you mean 'tiny'? Choose one of paper-base, paper-small"),
        (["--data", "vctc"], "did you mean 'vctk'"),
        (["--weights", "local"], "take --preset local"),
        (["--weights", "table1-base"], "no preset has its HyperSoundConfig("),
        (["--weights", "lokal"], "did you mean 'local'?"),
        (["--batch-size", "0"], "batch_size must be at least 1, not 0"),
        (["--loss", "l2"], "smooth_l1"),
        (["--seed", "-1"], "a seed is a whole number from 0 to 2^63 - 1, not -1"),
        (["--data", "vctk", "--root", "nowhere"], "--download to `hypersound train`, to fetch it (11.75 GB"),
        (["--resume"], "holds no checkpoint to resume from"),
    ],
)
def test_errors_name_value_and_remedy(start, capsys, changes, message):
    arguments, out = start
    assert main([*arguments, *changes]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("hypersound: ")
    assert not out.exists()


def test_a_folder_that_holds_a_run_is_refused_and_left_as_it_is(start, capsys):
    arguments, out = start
    assert main(arguments) == 0
    before = (out / "run.json").read_text()
    assert main([*arguments, "--seed", "9"]) == 2
    assert "holds a training already, up to step-00000003; pass --resume" in capsys.readouterr().err
    assert main(["train", "--resume", "--out", str(out), "--preset", "tutorial"]) == 2
    assert "is a run of preset 'tiny'; train 'tutorial' in another --out" in capsys.readouterr().err
    assert (out / "run.json").read_text() == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.json", None, "run.json cannot be read"),
        ("run.json", "[]", "run.json cannot be read"),
        ("run.json", '{"preset": 3}', "preset must be str, not 3"),
        ("training.json", '{"steps": "many"}', "steps must be int, not 'many'"),
        ("training.json", '{"schedule": "sine"}', "schedule must be one of 'constant', 'cosine', not 'sine'"),
        ("training.json", '{"colour": "red"}', "unknown fields ['colour']"),
        ("train.csv", "step\nx\n1\n", "train.csv: row 1 is damaged"),
    ],
)
def test_a_run_whose_settings_are_damaged_cannot_be_resumed(start, capsys, name, text, message):
    arguments, out = start
    assert main(arguments) == 0
    (out / name).unlink() if text is None else (out / name).write_text(text)
    assert main(["train", "--resume", "--out", str(out)]) == 2
    assert message in capsys.readouterr().err


def test_a_run_resumed_with_what_cannot_be_trained_on_is_left_as_it_was(start, tmp_path, capsys):
    arguments, out = start
    assert main(arguments) == 0
    before = files_in(out)
    for number in range(4):
        save_audio(tmp_path / "short" / f"{number}.wav", torch.rand(200), 8000)
    again = ["train", "--resume", "--out", str(out), "--steps", "4", "--device", "cpu"]
    assert main([*again, "--data", str(tmp_path / "short")]) == 2
    assert "recordings has 256 samples" in capsys.readouterr().err
    assert files_in(out) == before
    assert main(again) == 0
    assert json.loads((out / "training.json").read_text())["steps"] == 4


def test_minutes_bound_what_is_trained_on_and_are_kept_for_resuming_as_is_the_store(start, tmp_path, capsys):
    arguments, out = start
    assert main([*arguments, "--minutes", "0.004", "--store", str(tmp_path / "store")]) == 0  # of two of 0.2 s
    assert ": 1 recordings, " in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "store").iterdir()} == {"train-8000", "validation-8000"}
    source = json.loads((out / "run.json").read_text())
    assert (source["minutes"], source["store"]) == (0.004, str((tmp_path / "store").resolve()))
    again = ["train", "--resume", "--out", str(out), "--device", "cpu"]
    assert main([*again, "--steps", "4"]) == 0
    assert ": 1 recordings, " in capsys.readouterr().out
    assert main([*again, "--steps", "5", "--minutes", "none"]) == 0
    assert ": 2 recordings, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ("voices", ["--out", "voices"]),
        ("voices", ["--out", "./x/../voices"]),
        ("run/checkpoints/voices", []),
        ("store/train-8000", ["--store", "store"]),
        ("store/validation-8000/voices", ["--store", "store"]),
    ],
)
def test_recordings_are_not_written_over(start, voices, tmp_path, monkeypatch, capsys, data, changes):
    arguments, _ = start
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    if data != "voices":
        shutil.copytree(voices, data)
    (tmp_path / data / "index.json").write_text('{"format": 1}')  # as a store has
    before = files_in(tmp_path)
    assert main([*arguments, "--data", data, *changes]) == 2
    assert "is the same file as" in capsys.readouterr().err
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("count", [1, 2])
def test_recordings_that_cannot_be_divided_are_refused_with_a_way_on(start, tmp_path, capsys, count):
    arguments, out = start
    for number in range(count):
        save_audio(tmp_path / "few" / f"{number}.wav", torch.rand(1600), 8000)
    assert main([*arguments, "--data", str(tmp_path / "few")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'few'}: so few recordings cannot be divided" in error
    assert "at least 3 are needed. Cut them into parts" in error
    assert not out.exists()
