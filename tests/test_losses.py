"""Losses: named terms that are zero for equal signals and agree with their definitions."""

import librosa
import numpy as np
import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.losses import TERMS, Loss


def pair(num_samples=4096):
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(2, num_samples, generator=generator) / 3
    return reference + 0.1 * torch.randn(2, num_samples, generator=generator), reference


@pytest.mark.parametrize("term", TERMS)
def test_equal_signals_cost_nothing_and_noise_costs_more_the_louder(term):
    loss = Loss(term, 22050)
    estimate, reference = pair()
    costs = [loss(reference + scale * (estimate - reference), reference)[term].item() for scale in (0.0, 0.5, 1.0)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert costs[0] < costs[1] < costs[2]


def test_a_sum_returns_each_term_by_name():
    estimate, reference = pair()
    both = Loss("smooth_l1+mel_stft", 22050)(estimate, reference)
    assert list(both) == ["smooth_l1", "mel_stft"]
    for term, value in both.items():
        assert value == Loss(term, 22050)(estimate, reference)[term]


def test_smooth_l1_has_the_papers_beta():
    error = torch.tensor([[0.05, 0.5]])
    expected = (0.05**2 / (2 * 0.1) + (0.5 - 0.1 / 2)) / 2
    assert Loss("smooth_l1", 22050)(error, torch.zeros(1, 2))["smooth_l1"].item() == pytest.approx(expected)


def test_mel_stft_agrees_with_its_definition_in_float64():
    estimate, reference = (signal[:1].double() for signal in pair())
    total = 0.0
    for n in (512, 1024, 2048):
        window = torch.hann_window(n, dtype=torch.float64)
        filters = torch.from_numpy(librosa.filters.mel(sr=22050, n_fft=n, n_mels=128).astype(np.float64))
        mel_e, mel_r = (
            filters @ torch.stft(s, n, n // 8, window=window, return_complex=True).abs().square().clamp(min=1e-8).sqrt()
            for s in (estimate, reference)
        )
        convergence = (mel_r - mel_e).norm() / mel_r.norm()
        total += convergence + (mel_r.log() - mel_e.log()).abs().mean()
    ours = Loss("mel_stft", 22050)(estimate.float(), reference.float())["mel_stft"]
    assert ours.item() == pytest.approx(float(total) / 3, rel=1e-3)


@pytest.mark.parametrize("term", TERMS)
def test_gradient_is_finite_and_points_downhill(term):
    estimate, reference = pair()
    estimate.requires_grad_()
    loss = Loss(term, 22050)
    before = loss(estimate, reference)[term]
    (gradient,) = torch.autograd.grad(before, estimate)
    assert torch.isfinite(gradient).all()
    step = 1e-3 * estimate.norm() / gradient.norm()
    assert loss(estimate.detach() - step * gradient, reference)[term] < before


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000])
def test_usual_rates_have_no_empty_mel_bin(rate):
    assert torch.isfinite(Loss("mel_stft", rate)(*pair())["mel_stft"])


def test_empty_mel_bins_are_refused_with_a_remedy():
    with pytest.raises(ConfigError, match="resample the sound to 22 050 Hz"):
        Loss("mel_stft", 48000)


@pytest.mark.parametrize("name", ["", "l2", "mse+", "mse+mse"])
def test_unknown_and_repeated_terms_are_refused(name):
    with pytest.raises(ConfigError, match="mse, smooth_l1, mel_stft"):
        Loss(name, 22050)
