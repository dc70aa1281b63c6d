"""PESQ, ViSQOL and DNSMOS: the packages' values; refused where a package would crash."""

import importlib.util
import types

import pytest
import torch

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics import dnsmos, perceptual, pesq, visqol

from .signals import NOISE, RATE, noisy, voices

needs_pesq = pytest.mark.skipif(importlib.util.find_spec("pesq") is None, reason="pesq is not installed")
needs_visqol = pytest.mark.skipif(importlib.util.find_spec("visqol") is None, reason="visqol-python is not installed")
needs_dnsmos = pytest.mark.skipif(
    not (importlib.util.find_spec("speechmos") and importlib.util.find_spec("onnxruntime")),
    reason="speechmos or onnxruntime is not installed",
)
CLEAN = voices(1.5)[0]


@needs_visqol
def test_visqol_is_that_of_its_package_at_16_khz_in_speech_mode():
    from visqol import VisqolApi

    judge = VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    gain = 0.9 / CLEAN.abs().max().item()
    x, y = (gain * resample(signal, RATE, 16000).double().numpy() for signal in (CLEAN, noisy(CLEAN, 0.2)))
    expected = judge.measure_from_arrays(x, y, 16000).moslqo
    assert visqol(CLEAN, noisy(CLEAN, 0.2), RATE).item() == pytest.approx(expected, abs=1e-5)


@needs_visqol
def test_the_shortest_sound_has_a_value():
    shortest = torch.randn(round(perceptual.VISQOL_SHORTEST * RATE), generator=torch.Generator().manual_seed(0))
    assert visqol(shortest, shortest, RATE) == pytest.approx(5)


@pytest.mark.slow
@needs_dnsmos
def test_dnsmos_falls_with_noise_and_does_not_ask_for_the_original():
    scores = [dnsmos(CLEAN, noisy(CLEAN, level), RATE).item() for level in (0, 0.1, 1)]
    assert 1 < scores[2] < scores[1] < scores[0] < 5
    assert dnsmos(NOISE[:1].expand(len(CLEAN)), CLEAN, RATE).item() == scores[0]


@needs_dnsmos
@pytest.mark.slow
def test_dnsmos_is_near_that_of_its_package():
    package = pytest.importorskip("speechmos.dnsmos")
    short, long = (resample(noisy(CLEAN, 0.05).repeat(count), RATE, 16000) for count in (1, 7))
    for sound, tolerance in ((short, 0.1), (long, 1e-4)):  # the short one it repeats more often
        expected = package.run(sound.clamp(-1, 1).numpy(), 16000)["ovrl_mos"]
        assert dnsmos(sound, sound, 16000).item() == pytest.approx(expected, abs=tolerance)


@pytest.mark.slow
@needs_dnsmos
def test_what_a_file_would_clip_is_clipped():
    loud = 3 * CLEAN / CLEAN.abs().max()
    assert dnsmos(loud, loud, 16000) == dnsmos(loud, loud.clamp(-1, 1), 16000)


@needs_dnsmos
def test_another_package_of_that_name_is_named(monkeypatch, tmp_path):
    origin = types.SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: origin)
    perceptual._load_dnsmos.cache_clear()
    with pytest.raises(ConfigError, match="damaged or another version"):
        dnsmos(CLEAN, CLEAN, RATE)


@needs_pesq
def test_wide_band_at_16_khz_with_the_reference_first():
    from pesq import pesq as package

    clean = voices()[0]
    estimate = noisy(clean, 0.03)
    x, y = resample(clean, RATE, 16000).numpy(), resample(estimate, RATE, 16000).numpy()
    assert pesq(clean, estimate, RATE).item() == pytest.approx(package(16000, x, y, "wb"), abs=1e-6)
    assert pesq(clean, estimate, RATE).item() != pytest.approx(package(16000, y, x, "wb"), abs=1e-3)
    assert pesq(clean, estimate, RATE).item() != pytest.approx(package(16000, x, y, "nb"), abs=1e-3)


@needs_pesq
def test_too_long_is_refused_before_the_package_runs_out_of_its_arrays():
    """60 bursts of speech, a second apart, end the whole process with a segmentation fault in pesq 0.0.4."""
    burst = torch.cat([voices(0.5)[0], torch.zeros(RATE // 2)])
    with pytest.raises(MetricRefused, match=r"up to 20 s at a time, not 60\.0 s"):
        pesq(burst.repeat(60), burst.repeat(60), RATE)


@needs_pesq
def test_as_many_utterances_as_the_longest_sound_can_hold():
    t = torch.arange(20 * 16000) / 16000
    bursts = torch.randn(len(t), generator=torch.Generator().manual_seed(0)) * (t % 0.41 < 0.21)
    assert 1 < pesq(bursts, noisy(bursts, 0.1), 16000) < 4.6


@needs_pesq
def test_clicks_are_no_utterance():
    t = torch.arange(2 * 16000) / 16000
    clicks = torch.randn(len(t), generator=torch.Generator().manual_seed(0)) * (t % 0.3 < 0.05)
    with pytest.raises(MetricRefused, match="no utterance"):
        pesq(clicks, noisy(clicks, 0.1), 16000)
