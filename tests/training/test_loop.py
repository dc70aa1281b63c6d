"""The loop: it learns, stops when it should, and refuses what cannot work."""

import dataclasses
import math
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from hypersound_lib.data import RandomClips
from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.files import locked
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.losses import LossConfig
from hypersound_lib.metrics import nmse
from hypersound_lib.training import read_log
from hypersound_lib.training.run import Run
from tests.local.small import CONFIG as LOCAL

from .tiny import MODEL, changed, make_model, make_store, run_training


def weights_of(model):
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.slow
def test_tones_are_learnt(tmp_path):
    settings = {"loss": LossConfig("log_nmse"), "window": None, "learning_rate": 3e-3, "batch_size": 16}
    wider = dataclasses.replace(MODEL, encoder=EncoderConfig(4, (4, 8), (1,)), hypernetwork=HyperNetworkConfig((64,)))
    torch.manual_seed(0)
    model = HyperSound(wider)
    clips = torch.stack([make_store(1).read(0, 256 * i, 256) for i in range(8)])
    with torch.no_grad():
        before = nmse(clips, model(clips)).median()
    result = run_training(tmp_path, model, steps=300, validate_every=300, checkpoint_every=300, **settings)
    assert result.stop_reason == "steps"
    assert result.step == 300
    with torch.no_grad():
        after = nmse(clips, result.model(clips)).median()
    assert after < 0.6 < 0.9 < before


@pytest.mark.slow
def test_bfloat16_learns_too(tmp_path):
    run_training(tmp_path, precision="bfloat16", steps=60, learning_rate=3e-3)
    losses = read_log(tmp_path / "train.csv")["mel_stft"]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_micro_batches_equal_one_batch_and_the_log_shows_their_mean(tmp_path):
    weights, rows = [], []
    for accumulate in (1, 4):
        out = tmp_path / str(accumulate)
        weights.append(weights_of(run_training(out, steps=8, accumulate=accumulate).model))
        rows.append(read_log(out / "train.csv"))
    for a, b in zip(*weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    for term in ("smooth_l1", "mel_stft"):
        assert rows[0][term] == pytest.approx(rows[1][term], rel=1e-3), term


def test_a_window_decodes_only_itself_elsewhere_in_every_step(tmp_path, monkeypatch):
    seen = []
    forward = HyperSound.forward

    def watched(self, waveform, start=0, num_samples=None, *, with_costs=False):
        seen.append((start, num_samples))
        estimate = forward(self, waveform, start, num_samples)
        assert estimate.shape[1] == (num_samples or MODEL.num_samples)
        return (estimate, {}) if with_costs else estimate

    monkeypatch.setattr(HyperSound, "forward", watched)
    run_training(tmp_path, steps=8, window=160, validate_every=100)
    windows = [pair for pair in seen if pair[1] is not None]
    assert len(windows) == 8
    assert {count for _, count in windows} == {160}
    assert len({start for start, _ in windows}) > 4
    assert all(0 <= start <= 256 - 160 for start, _ in windows)


def test_which_window_is_scored_says_nothing_of_which_recording_it_is_in():
    """With one clip a step, equal seeds would draw the first windows always from the first recordings."""
    config, store = changed(batch_size=1, window=16), make_store(count=6)
    clips, windows = RandomClips(store, 256, 300, seed=config.seed), {name: [] for name in store.names}
    for step in range(300):
        run = SimpleNamespace(config=config, model=SimpleNamespace(config=MODEL), state=SimpleNamespace(step=step))
        windows[clips.describe(step).split()[0]].append(int(Run.draw_window(run)[0]))
    for name, starts in windows.items():
        assert min(starts) < 60 < 180 < max(starts), name


def test_a_model_learns_in_training_mode_and_comes_back_in_its_own(tmp_path):
    """A loaded model is in evaluation mode, in which the local one rounds otherwise and draws no rates."""
    found = {}
    for training in (True, False):
        torch.manual_seed(0)
        model = LocalHyperSound(LOCAL).train(training)
        result = run_training(tmp_path / str(training), model, steps=3, window=None)
        assert result.model.training is training
        found[training] = load_file(tmp_path / str(training) / "best/model.safetensors")
    assert all(torch.equal(found[True][key], value) for key, value in found[False].items())


def test_gradients_are_clipped(tmp_path):
    """Plain SGD would show it directly; Adam's first moment after one step is 0.1 times the clipped gradient."""
    run_training(tmp_path, steps=1, max_grad_norm=1e-3)
    moments = load_file(tmp_path / "checkpoints/step-00000001/training.safetensors")
    first = [value.flatten() for name, value in moments.items() if name.startswith("optimizer.exp_avg.")]
    assert torch.cat(first).norm().item() == pytest.approx(1e-4, rel=1e-3)
    assert read_log(tmp_path / "train.csv")["gradient_norm"][0] > 1e-3, "the log has the norm before clipping"


def test_learning_rate_warms_up_and_falls(tmp_path):
    run_training(tmp_path)
    rates = read_log(tmp_path / "train.csv")["learning_rate"]
    assert rates[:5] == pytest.approx([0.2e-3, 0.4e-3, 0.6e-3, 0.8e-3, 1e-3])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 0.05e-3


def test_nan_stops_with_step_term_and_recording_and_harms_no_weight(tmp_path, monkeypatch):
    model = make_model()
    kept = []

    def poison(self):
        if self.state.step == 12:
            kept.extend(weights_of(model))
            self.loss._smooth_l1 = lambda estimate, reference: (estimate - reference).sum() * float("nan")
        return draw(self)

    draw = Run.draw_window
    monkeypatch.setattr(Run, "draw_window", poison)
    with pytest.raises(TrainingError, match=r"step 13: smooth_l1 is nan.*tone\d\.wav from .*step-00000010"):
        run_training(tmp_path, model)
    assert all(torch.equal(a, b) for a, b in zip(kept, weights_of(model), strict=True))
    assert (tmp_path / "checkpoints/step-00000010/state.json").is_file()


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        pytest.param("float32", r"step 1: gradient is (nan|inf).*no checkpoint yet", id="at once"),
        pytest.param("float16", r"step 28: gradient is (nan|inf)", id="when no scale is small enough"),
    ],
)
def test_an_infinite_gradient_stops_too(tmp_path, monkeypatch, precision, message):
    def explode(self, estimate, reference):
        return torch.sqrt((estimate - estimate.detach()).abs().sum())  # 0, with an infinite slope

    monkeypatch.setattr("hypersound_lib.losses.ReconstructionLoss._smooth_l1", explode)
    model = make_model()
    before = weights_of(model)
    with pytest.raises(TrainingError, match=message):
        run_training(tmp_path, model, precision=precision, steps=40, checkpoint_every=100, validate_every=100)
    assert all(torch.equal(a, b) for a, b in zip(before, weights_of(model), strict=True))


def test_float16_skips_a_step_that_overflows_and_goes_on_as_if_it_had_not_been_killed(tmp_path):
    """The loss' scale is 65536 at first, which these gradients overflow; it is halved until they do not."""
    exploding = {"precision": "float16", "loss": LossConfig("1e2*mse"), "steps": 12, "window": None}
    straight = run_training(tmp_path / "straight", **exploding)
    norms = read_log(tmp_path / "straight/train.csv")["gradient_norm"]
    assert not math.isfinite(norms[0])
    assert math.isfinite(norms[-1])
    saved = load_file(tmp_path / "straight/checkpoints/step-00000010/training.safetensors")
    assert saved["scaler.scale"] < 65536
    shutil.copytree(tmp_path / "straight/checkpoints/step-00000010", tmp_path / "run/checkpoints/step-00000010")
    resumed = run_training(tmp_path / "run", make_model(seed=5), resume=True, **exploding)
    assert all(torch.equal(a, b) for a, b in zip(weights_of(resumed.model), weights_of(straight.model), strict=True))
    assert all(p.isfinite().all() for p in resumed.model.parameters())


def test_a_second_ctrl_c_does_not_wait(tmp_path, monkeypatch):
    def impatient(self, values):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Run, "log_step", impatient)
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path)


def test_time_is_up(tmp_path):
    result = run_training(tmp_path, max_seconds=0.0)
    assert (result.stop_reason, result.step) == ("time", 1)
    assert (tmp_path / "checkpoints/step-00000001").is_dir()


def test_a_folder_in_use_is_refused_and_one_without_a_checkpoint_cannot_resume(tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint to resume from"):
        run_training(tmp_path / "new", resume=True)
    run_training(tmp_path / "run", steps=2)
    with pytest.raises(ConfigError, match="holds a training already, up to step-00000002"):
        run_training(tmp_path / "run", steps=2)


def test_two_trainings_do_not_share_a_folder(tmp_path):
    staging = tmp_path / "checkpoints" / ".writing-of-the-other"
    staging.mkdir(parents=True)
    with ThreadPoolExecutor(1) as other:
        lock = locked(tmp_path)
        other.submit(lock.__enter__).result()
        with pytest.raises(ConfigError, match=f"{tmp_path} is in use by another process: wait for its end"):
            run_training(tmp_path, steps=2)
        assert staging.is_dir()
        assert not (tmp_path / "training.json").exists()
        other.submit(lock.__exit__, None, None, None).result()
    with locked(tmp_path):  # who has it may train in it
        assert run_training(tmp_path, steps=2).step == 2
    assert run_training(tmp_path, steps=4, resume=True).step == 4


def test_rates_and_windows_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="8000 Hz, a store has 16000 Hz"):
        run_training(tmp_path, stores=(make_store(rate=16000), make_store()))
    with pytest.raises(ConfigError, match="at least 65"):
        run_training(tmp_path, window=40)
    assert not (tmp_path / "checkpoints").exists()


ABOVE_ZERO = ("steps", "batch_size", "learning_rate", "max_grad_norm", "window", "process_timeout")
IMPOSSIBLE = {"accumulate": 3, "schedule": "linear", "precision": "float64", "ema_decay": 1.0, "seed": -1}


@pytest.mark.parametrize(("name", "value"), [*((name, 0) for name in ABOVE_ZERO), *IMPOSSIBLE.items()])
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name.replace('_', '[_ ]')}|micro-batches"):
        changed(**{name: value})
