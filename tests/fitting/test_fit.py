"""Fitting one sound: it learns, keeps the best, stops when told, and repeats itself exactly."""

import math
import signal

import numpy as np
import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.fitting import FitConfig, FittedSound, fit_inr
from hypersound_lib.fitting import fit as fitting
from hypersound_lib.inr import SIREN, FourierMLP, FourierMLPConfig, ModulatedSIREN, ModulatedSIRENConfig, SIRENConfig
from hypersound_lib.inr.build import spectral_config
from hypersound_lib.losses import ReconstructionLoss

RATE = 8000


def tone(num_samples=2048, hertz=440.0):
    t = torch.arange(num_samples) / RATE
    return 0.25 * torch.sin(2 * math.pi * hertz * t) * torch.hann_window(num_samples)


def network(waveform, seed=0):
    torch.manual_seed(seed)
    return FourierMLP.for_sound(waveform, spectral_config(len(waveform), width=32), seed)


def fit(waveform, inr=None, callback=None, **settings):
    settings = {"steps": 300, "device": "cpu", **settings}
    inr = inr or network(waveform)
    return fit_inr(waveform, RATE, inr, FitConfig(**settings), callback=callback, progress=False)


def test_reaches_the_target_and_stops_there():
    result = fit(tone())
    assert result.stop_reason == "target"
    assert result.metrics["snr"] >= 30
    assert result.steps < 300


@pytest.mark.parametrize(
    "build",
    [
        lambda: SIREN(SIRENConfig(hidden_layers=2, width=32, omega_0=1500.0)),
        lambda: ModulatedSIREN(ModulatedSIRENConfig(hidden_layers=2, width=32, latent_size=8, omega_0=1500.0)),
        lambda: FourierMLP(FourierMLPConfig(hidden_layers=2, width=32, num_octaves=12)),
    ],
)
def test_every_kind_of_network_learns_a_tone(build):
    torch.manual_seed(0)
    result = fit(tone(), build(), learning_rate=2e-3, target_snr=15.0, steps=600)
    assert result.stop_reason == "target", result.metrics


@pytest.mark.parametrize("settings", [{}, {"window": 512, "windows_per_step": 2}])
def test_same_seed_same_result_and_random_windows_depend_on_it(settings):
    first, second, other = (fit(tone(), steps=20, target_snr=None, seed=seed, **settings) for seed in (0, 0, 1))
    snrs = [[row["snr"] for row in result.history] for result in (first, second, other)]
    assert snrs[0] == snrs[1]
    assert (snrs[0] == snrs[2]) == (settings == {})
    assert torch.equal(first.sound.render(), second.sound.render())


def test_random_windows_learn():
    assert fit(tone(), window=512, windows_per_step=2, steps=200, target_snr=12.0).stop_reason == "target"


def test_the_best_weights_are_kept_not_the_last():
    # A rate far too high: the SNR jumps up and down, and the last step is not the best.
    result = fit(tone(), learning_rate=0.1, steps=60, target_snr=None, evaluate_every=1)
    seen = [row["snr"] for row in result.history]
    assert seen[-1] < max(seen)
    assert result.metrics["snr"] == pytest.approx(max(seen), abs=0.05)


def test_level_does_not_matter():
    loud, quiet = fit(tone(), steps=50, target_snr=None), fit(tone() / 1024, steps=50, target_snr=None)
    assert quiet.metrics["snr"] == pytest.approx(loud.metrics["snr"], abs=1e-3)
    assert quiet.sound.gain == pytest.approx(loud.sound.gain / 1024)


def test_bfloat16_learns_nearly_as_well():
    exact, rounded = (fit(tone(), steps=60, target_snr=None, precision=p) for p in ("float32", "bfloat16"))
    assert rounded.metrics["snr"] > exact.metrics["snr"] - 6
    assert rounded.metrics["snr"] != exact.metrics["snr"]
    assert all(p.dtype == torch.float32 for p in rounded.sound.inr.parameters())


def test_history_names_the_loss_terms_and_the_schedule_ends_at_zero():
    result = fit(tone(), loss="mse+smooth_l1", schedule="cosine", steps=20, target_snr=None)
    assert set(result.history[0]) == {"step", "seconds", "snr", "learning_rate", "mse", "smooth_l1"}
    rates = [row["learning_rate"] for row in result.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_mel_loss_lowers_the_spectral_distance_while_it_trains():
    noise = torch.randn(4096, generator=torch.Generator().manual_seed(0))
    result = fit(noise, loss="mel_stft", steps=30, target_snr=None)
    losses = [row["mel_stft"] for row in result.history]
    assert losses[-1] < 0.8 * losses[0]
    # the weights with the best loss are kept, although their SNR may be worse than at the start
    gain = result.sound.gain
    kept = ReconstructionLoss("mel_stft", RATE)(result.sound.render()[None] / gain, noise[None] / gain)
    assert kept["mel_stft"].item() == pytest.approx(min(losses), rel=1e-3)


def test_a_callback_sees_every_row_and_a_time_limit_stops():
    rows = []
    assert fit(tone(), callback=rows.append, steps=20).history == rows
    result = fit(tone(), target_snr=None, max_seconds=0.0, steps=10**6)
    assert (result.stop_reason, result.steps) == ("time", 0)


def test_interruption_returns_the_best_so_far():
    def interrupt(row):
        if row["step"] == 20:
            raise KeyboardInterrupt

    result = fit(tone(), callback=interrupt, target_snr=None)
    assert result.stop_reason == "interrupted"
    assert result.metrics["snr"] == pytest.approx(max(row["snr"] for row in result.history), abs=0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_fit_between_two_steps_with_a_measurement(number, monkeypatch):
    before, draws = signal.getsignal(number), []
    draw = fitting._Clip.draw

    def draw_and_signal(clip):
        draws.append(clip)
        if len(draws) == 14:  # step 13, which would not be measured
            signal.raise_signal(number)
        return draw(clip)

    monkeypatch.setattr(fitting._Clip, "draw", draw_and_signal)
    result = fit(tone(), target_snr=None, steps=10**6)
    assert (result.stop_reason, result.steps) == ("interrupted", 13)
    assert result.metrics["snr"] == pytest.approx(max(row["snr"] for row in result.history), abs=0.05)
    assert signal.getsignal(number) == before


def test_a_diverging_fit_says_so():
    siren = SIREN(SIRENConfig(hidden_layers=1, width=8))
    with torch.no_grad():
        siren.layers[-1].bias.fill_(1e30)
    with pytest.raises(FloatingPointError, match="at step 0; try a learning rate below"):
        fit(tone(), siren)


@pytest.mark.parametrize(
    ("waveform", "settings", "message"),
    [
        (torch.zeros(100), {}, "silence"),
        (torch.ones(2, 100), {}, r"float tensor \(T,\)"),
        (torch.ones(100, dtype=torch.int16), {}, "float tensor"),
        (torch.full((100,), float("nan")), {}, "NaN"),
        (tone(100), {"window": 101}, "1 to 100 samples"),
        (tone(100), {"steps": 0}, "must be positive"),
        (tone(100), {"schedule": "linear"}, "'cosine'"),
        (tone(100), {"precision": "float16"}, "'bfloat16'"),
        (tone(100), {"loss": "l2"}, "smooth_l1"),
        (tone(100), {"loss": "mel_stft"}, "needs 1025 samples"),
        (tone(100), {"device": "abacus"}, "abacus"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(waveform, settings, message):
    inr = SIREN(SIRENConfig(hidden_layers=1, width=4))
    with pytest.raises(ConfigError, match=message):
        fit(waveform, inr, **settings)


def test_any_kind_of_whole_number_is_a_rate(tmp_path):
    result = fit_inr(tone(100), np.int64(RATE), network(tone(100)), FitConfig(steps=1, device="cpu"), progress=False)
    result.sound.save(tmp_path / "a.safetensors")
    assert type(FittedSound.load(tmp_path / "a.safetensors").sample_rate) is int


def test_a_sound_beyond_the_limits_of_its_file_is_refused_before_the_fit(monkeypatch):
    monkeypatch.setattr("hypersound_lib.fitting.fitted_sound.MOST_SAMPLES", 99)
    monkeypatch.setattr(fitting, "_descend", None)
    with pytest.raises(ConfigError, match="samples, from 1 to 99, not 100"):
        fit(tone(100), SIREN(SIRENConfig(hidden_layers=1, width=4)))
