"""Logs: columns for plots, no step twice, TensorBoard with terms, sounds and pictures."""

import pytest

from hypersound_lib.errors import TrainingError
from hypersound_lib.training import read_log
from hypersound_lib.training.logs import RunLog

from .tiny import run_training


def row(step):
    return {"step": step, "mse": 1 / step}


def test_rows_beyond_the_resumed_step_and_half_rows_are_dropped(tmp_path):
    with RunLog(tmp_path, 0, 10, progress=False) as log:
        for step in (1, 2, 3):
            log.write("train", row(step))
    with open(tmp_path / "train.csv", "a") as file:
        file.write("4,")
    with RunLog(tmp_path, 2, 10, progress=False) as log:
        log.write("train", row(3))
    columns = read_log(tmp_path / "train.csv")
    assert columns["step"] == [1, 2, 3]
    assert columns["mse"] == pytest.approx([1, 1 / 2, 1 / 3], rel=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"step,mse\n1,0.5\n2,\n3,0.2\n", r"train\.csv: row 2 is damaged"),
        (b"step,mse\nx,0.5\n2,0.4\n", r"row 1 is damaged \(could not convert"),
        (b"step,mse\n1.5,0.5\n2,0.4\n", "row 1 is damaged"),
        (b"step,mse\n1,0.5,7\n2,0.4\n", r"row 1 is damaged \(3 values in 2 columns\)"),
        (b"step,mse\n1,\xff\n2,0.4\n", "is no table"),
        (b'step,mse\n1,"' + b"9" * 200_000 + b'"\n', "is no table"),
    ],
)
def test_a_damaged_log_is_named_and_left_as_it_is(tmp_path, content, message):
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    for read in (read_log, lambda path: RunLog(path.parent, 2, 10, progress=False)):
        with pytest.raises(TrainingError, match=message) as caught:
            read(path)
        assert "goes on without its old log" in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize("half", ["", "3", "3,", "3,0.", "3,1e-", "3,1,2"])
def test_half_a_last_row_is_passed_over(tmp_path, half):
    (tmp_path / "train.csv").write_text(f"step,mse\n1,0.5\n2,0.25\n{half}")
    columns = read_log(tmp_path / "train.csv")
    assert {name: values[:2] for name, values in columns.items()} == {"step": [1, 2], "mse": [0.5, 0.25]}


def test_a_log_without_a_row_left_begins_anew(tmp_path):
    for values in ({"step": 5, "mse": 1.0}, {"step": 1, "other": 3.0}):
        with RunLog(tmp_path, 0, 10, progress=False) as log:
            log.write("train", values)
    assert list(read_log(tmp_path / "train.csv")) == ["step", "other"]


def test_without_tensorboard_no_example_is_made(tmp_path, monkeypatch):
    def examples(*_):
        raise AssertionError("nobody would hear them")

    monkeypatch.setattr("hypersound_lib.training.logs._open_board", lambda *_: None)
    monkeypatch.setattr("hypersound_lib.training.validation.Validation.examples", examples)
    assert run_training(tmp_path, steps=1).validation


def test_a_process_that_is_not_the_main_one_writes_nothing(tmp_path):
    with RunLog(tmp_path / "run", 0, 10, enabled=False) as log:
        log.write("train", row(1))
    assert not (tmp_path / "run").exists()


def test_a_training_fills_both_logs(tmp_path):
    run_training(tmp_path)
    columns = read_log(tmp_path / "train.csv")
    own = ["step", "seconds", "learning_rate", "gradient_norm", "samples_per_second"]
    assert list(columns) == [*own, "smooth_l1", "mel_stft"]
    assert columns["seconds"] == sorted(columns["seconds"])
    validation = read_log(tmp_path / "validation.csv")
    assert validation["step"] == [10, 20]
    assert list(validation) == ["step", "seconds", "smooth_l1", "mel_stft", "loss", "nmse", "si_snr"]
    for smooth_l1, mel_stft, loss in zip(*(validation[key] for key in ("smooth_l1", "mel_stft", "loss")), strict=True):
        assert loss == pytest.approx(smooth_l1 + mel_stft, rel=1e-4)


def test_tensorboard_gets_terms_norm_rate_sounds_and_pictures(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run_training(tmp_path)
    board = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    tags = board.Tags()
    wanted = {"smooth_l1", "mel_stft", "gradient_norm", "learning_rate"}
    assert {f"train/{name}" for name in wanted} <= set(tags["scalars"])
    assert "validation/nmse" in tags["scalars"]
    assert [event.step for event in board.Scalars("train/mel_stft")] == list(range(1, 21))
    assert {"clip 0/original", "clip 0/reconstruction"} <= set(tags["audio"])
    assert "clip 0/spectrograms" in tags["images"]
