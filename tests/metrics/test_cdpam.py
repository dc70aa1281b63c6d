"""CDPAM: zero for a copy, growing with noise, the original's values; its weights are read without unpickling code."""

import importlib.util
import os
import pickle
import shutil
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from hypersound_lib.data import resample, to_int16
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import cdpam
from hypersound_lib.metrics.cdpam import FourierConv1d, _describe, _load_tensors, network

from .signals import NOISE, RATE, noisy, voices

if importlib.util.find_spec("cdpam") is None:
    pytest.skip("the extra cdpam is not installed", allow_module_level=True)
FOLDER = Path(importlib.util.find_spec("cdpam").origin).parent

pytestmark = pytest.mark.slow
CLEAN = voices(0.1)  # a second of sound takes several seconds


def test_the_original_network_gives_the_same_value():
    """The package's own layers, one by one: batch norms apart, every second value dropped after it was computed."""
    net = run_path(str(FOLDER / "models.py"))["FINnet"](encoder_layers=16, encoder_filters=64, input_size=512)
    net.load_state_dict(_load_tensors(FOLDER / "CDPAM_trained/scratchJNDdefault_best_model.pth")["state"])
    net.eval()
    with torch.no_grad():
        a, b = (
            functional.normalize(net.base_encoder(to_int16(x).float().unsqueeze(1))[1], dim=1)
            for x in (CLEAN, noisy(CLEAN, 0.1))
        )
        torch.testing.assert_close(cdpam(CLEAN, noisy(CLEAN, 0.1), RATE), net.model_dist(a, b), rtol=1e-4, atol=1e-5)


def test_level_and_polarity_are_heard():
    distances = [cdpam(CLEAN[0], gain * CLEAN[0], RATE).item() for gain in (-1, 0.5, 0.1)]
    assert 0 < distances[1] < distances[2]
    assert distances[0] > 0


def test_other_rates_are_brought_to_its_own():
    at_48k = resample(CLEAN[0], RATE, 48000)
    assert cdpam(at_48k, resample(noisy(CLEAN[0], 0.3), RATE, 48000), 48000).item() == pytest.approx(
        cdpam(CLEAN[0], noisy(CLEAN[0], 0.3), RATE).item(), rel=0.2
    )


def test_what_was_heard_is_not_computed_again(monkeypatch):
    x = noisy(CLEAN[0], 0.2)
    expected = _describe(x, RATE)
    monkeypatch.setitem(_describe.__globals__, "network", lambda device: pytest.fail("computed again"))
    assert _describe(x.clone(), RATE) is expected
    with pytest.raises(pytest.fail.Exception):
        _describe(x.roll(1), RATE)


def test_the_network_is_loaded_once_and_draws_no_random_numbers():
    state = torch.get_rng_state()
    network.cache_clear()
    assert network("cpu") is network("cpu")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("num_samples", [1, 2, 100])
def test_silence_and_short_clips_are_finite(num_samples):
    x, silence = NOISE[:num_samples], torch.zeros(num_samples)
    assert torch.isfinite(cdpam(x, silence, RATE))
    assert torch.isfinite(cdpam(silence, x, RATE))
    assert cdpam(silence, silence, RATE) == 0


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("hacked",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_weights_file_cannot_run_code(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save({"state": Malicious()}, "weights.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ConfigError, match=r"names \w+\.mkdir, which is no tensor"):
        _load_tensors(tmp_path / "weights.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(ConfigError, match=r"names \w+\.mkdir, which is no tensor"):
        _load_tensors(tmp_path / "plain.pth")
    assert not (tmp_path / "hacked").exists()


def test_another_package_of_that_name_is_named(monkeypatch, tmp_path):
    shutil.copy(FOLDER / "models.py", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    with pytest.raises(ConfigError, match=r"damaged or another version.*No such file"):
        network("another device")
    (tmp_path / "CDPAM_trained").mkdir()
    (tmp_path / "CDPAM_trained" / "scratchJNDdefault_best_model.pth").write_bytes(b"cut")
    with pytest.raises(ConfigError, match="damaged or another version"):
        network("another device")


@settings(max_examples=40)
@given(
    length=st.integers(1, 700),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    taps=st.sampled_from([1, 3, 15]),
    stride=st.integers(1, 3),
)
def test_a_convolution_in_the_fourier_domain_gives_what_the_layer_gives(length, channels, taps, stride):
    layer = nn.Conv1d(*channels, taps, stride=stride, padding=taps // 2).double()
    x = torch.randn(channels[0], length, dtype=torch.float64)
    torch.testing.assert_close(FourierConv1d(layer)(x), layer(x), rtol=0, atol=1e-12)
