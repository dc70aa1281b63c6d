"""Losses: named terms that are zero for equal signals and agree with their definitions."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.losses import LOSSES, TERMS, LossConfig, ReconstructionLoss

SPECTRAL = ("stft", "mel_stft")


def pair(num_samples=4096, batch=2):
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(batch, num_samples, generator=generator) / 3
    reference = reference * torch.linspace(1, 0.1, batch).unsqueeze(-1)  # loud and quiet clips
    return reference + 0.1 * torch.randn(batch, num_samples, generator=generator), reference


@pytest.mark.parametrize("term", TERMS)
def test_equal_signals_are_best_and_noise_costs_more_the_louder(term):
    loss = ReconstructionLoss(term, 22050)
    estimate, reference = pair()
    costs = [loss(reference + scale * (estimate - reference), reference)[term].item() for scale in (0.0, 0.5, 1.0)]
    assert costs[0] == pytest.approx(-6 if term == "log_nmse" else 0, abs=1e-6)  # its logarithm is clipped there
    assert costs[0] < costs[1] < costs[2]


def test_band_excess_is_what_a_band_has_beyond_two_and_a_half_decibels_of_what_the_original_ever_has():
    """Also where it is 70 dB below the rest; less, and what comes a moment later, costs nothing."""
    loss, time = ReconstructionLoss("band_excess", 22050), torch.arange(22050) / 22050

    def tone(hertz, decibels):
        return 10 ** (decibels / 20) * torch.sin(2 * torch.pi * hertz * time)[None]

    def excess(estimate, reference):
        return loss(estimate, reference)["band_excess"].item()

    original = tone(500, 0) + tone(5000, -60)
    assert excess(original + tone(5000, -75), original) == pytest.approx(0, abs=1e-4)
    assert excess(tone(500, 0), original) == pytest.approx(0, abs=1e-4)
    assert excess(original.flip(-1), original) == pytest.approx(0, abs=1e-4)
    louder = [excess(tone(500, 0) + tone(5000, level), original) for level in (-54, -48, -42)]
    assert 0.01 < louder[0] < louder[1] < louder[2]
    assert excess(tone(500, 0) + tone(5000, -70), tone(500, 0)) > 0.01
    rising = tone(500, 0) + time * tone(5000, -40)
    assert excess(tone(500, 0) + tone(5000, -40), rising) == pytest.approx(0, abs=1e-4)


def test_the_papers_four_losses_exist():
    assert {name: config.weights for name, config in LOSSES.items()} == {
        "l1+mel": {"smooth_l1": 1.0, "mel_stft": 1.0},
        "mel": {"mel_stft": 1.0},
        "l1+stft": {"smooth_l1": 1.0, "stft": 1.0},
        "stft": {"stft": 1.0},
    }
    for name, config in LOSSES.items():
        assert config.fft_sizes == ((512, 1024, 2048) if "mel" in name else (128, 256, 512, 1024, 2048))
        loss = ReconstructionLoss(name, 22050)
        assert loss.config == config
        (distance,) = loss.children()
        shapes = [(r.fft_size, r.hop_size, r.win_length) for r in distance.stft_losses]
        assert shapes == [(n, n // 8, n) for n in config.fft_sizes], "windows as long, overlap 87.5 %"


def test_total_weighs_every_term():
    loss = ReconstructionLoss("smooth_l1 + 0.1*mel_stft+2e0 * mse", 22050)
    assert loss.weights == {"smooth_l1": 1.0, "mel_stft": 0.1, "mse": 2.0}
    terms = loss(*pair())
    expected = terms["smooth_l1"] + 0.1 * terms["mel_stft"] + 2 * terms["mse"]
    assert loss.total(terms).item() == pytest.approx(expected.item(), rel=1e-6)
    assert list(terms) == list(loss.weights)
    for term, value in terms.items():
        assert value == ReconstructionLoss(term, 22050)(*pair())[term], "terms come without their weights"


def test_smooth_l1_has_the_papers_beta():
    error = torch.tensor([[0.05, 0.5]])
    expected = (0.05**2 / (2 * 0.1) + (0.5 - 0.1 / 2)) / 2
    assert ReconstructionLoss("smooth_l1", 22050)(error, torch.zeros(1, 2))["smooth_l1"].item() == pytest.approx(
        expected
    )


@settings(max_examples=20)
@given(decibels=st.floats(-20, 29), gain=st.floats(0.03, 1))
def test_log_nmse_is_minus_a_tenth_of_the_snr_whatever_the_level(decibels, gain):
    signal, noise = (torch.randn(1, 4000, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    noise = noise * signal.norm() / noise.norm() * 10 ** (-decibels / 20)
    cost = ReconstructionLoss("log_nmse", 22050)(gain * (signal + noise), gain * signal)["log_nmse"]
    assert cost.item() == pytest.approx(-decibels / 10, abs=2e-3)
    silent = ReconstructionLoss("log_nmse", 22050)(torch.zeros_like(signal), signal)["log_nmse"]
    assert silent.item() == pytest.approx(0, abs=1e-3)


def spectral_reference(term, estimate, reference, config, rate):
    """Compute a spectral term from its definition, in float64, clip by clip, without the noise under both signals."""
    items = []
    for e, r in zip(estimate.double(), reference.double(), strict=True):
        total = 0.0
        for n in config.fft_sizes:
            window = torch.hann_window(n, dtype=torch.float64)
            magnitudes = [
                torch.stft(s, n, n // 8, window=window, return_complex=True).abs().square().clamp(min=1e-8).sqrt()
                for s in (e, r)
            ]
            if term == "mel_stft":
                filters = librosa.filters.mel(sr=rate, n_fft=n, n_mels=config.n_mels).astype(np.float64)
                magnitudes = [torch.from_numpy(filters) @ m for m in magnitudes]
            ours, theirs = magnitudes
            total += (ours - theirs).norm() / theirs.norm() + (ours.log() - theirs.log()).abs().mean()
        items.append(total / len(config.fft_sizes))
    return float(sum(items)) / len(items)


@pytest.mark.parametrize("rate", [8000, 22050])
@pytest.mark.parametrize("name", ["mel", "stft"])
def test_spectral_terms_agree_with_their_definition_in_float64(name, rate):
    estimate, reference = pair(batch=3)
    (term,) = LOSSES[name].weights
    expected = spectral_reference(term, estimate, reference, LOSSES[name], rate)
    assert ReconstructionLoss(name, rate)(estimate, reference)[term].item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_a_mean_over_the_clips_of_a_batch(term):
    estimate, reference = pair(batch=4)
    estimate = estimate * torch.tensor([1.0, 0.5, 2.0, 3.0]).unsqueeze(-1)
    loss = ReconstructionLoss(term, 22050)
    whole = loss(estimate, reference)[term].item()
    halves = [loss(estimate[half], reference[half])[term].item() for half in (slice(2), slice(2, 4))]
    assert whole == pytest.approx(sum(halves) / 2, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("term", SPECTRAL)
def test_digital_silence_as_reference_costs_a_moderate_amount(term):
    noise = 0.1 * torch.randn(2, 4096, generator=torch.Generator().manual_seed(0))
    silence = torch.zeros(2, 4096)
    estimate = noise.clone().requires_grad_()
    cost = ReconstructionLoss(term, 22050)(estimate, silence)[term]
    # The floor at -60 dB bounds spectral convergence: 0.1 / 0.001 = 100. The difference of logarithms is about 8.
    assert 90 < cost.item() < 120
    (gradient,) = torch.autograd.grad(cost, estimate)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("term", TERMS)
def test_silence_for_silence_is_finite(term):
    silence = torch.zeros(2, 4096)
    estimate = torch.zeros(2, 4096, requires_grad=True)
    cost = ReconstructionLoss(term, 22050)(estimate, silence)[term]
    (gradient,) = torch.autograd.grad(cost, estimate)
    assert torch.isfinite(cost)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("term", TERMS)
def test_gradient_is_finite_and_points_downhill(term):
    estimate, reference = pair()
    estimate.requires_grad_()
    loss = ReconstructionLoss(term, 22050)
    before = loss(estimate, reference)[term]
    (gradient,) = torch.autograd.grad(before, estimate)
    assert torch.isfinite(gradient).all()
    step = 1e-3 * estimate.norm() / gradient.norm()
    assert loss(estimate.detach() - step * gradient, reference)[term] < before


@pytest.mark.parametrize("term", [term for term in TERMS if term != "band_excess"])  # silence is never too loud
def test_a_network_that_says_nothing_learns_to_speak(term):
    _, reference = pair()
    loss = ReconstructionLoss(term, 22050)
    estimate = torch.zeros_like(reference)
    costs = []
    for _ in range(5):
        estimate.requires_grad_()
        cost = loss(estimate, reference)[term]
        (gradient,) = torch.autograd.grad(cost, estimate)
        costs.append(cost.item())
        assert gradient.norm() > 0
        estimate = estimate.detach() - 0.01 * reference.norm() * gradient / gradient.norm()
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == 5


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000])
def test_usual_rates_have_no_empty_mel_bin(rate):
    assert torch.isfinite(ReconstructionLoss("mel_stft", rate)(*pair())["mel_stft"])


NO_TERMS = ["", "l2", "mse+", "-1*mse", "0*mse", "inf*mse", "nan*mse", "x*mse", "*mse", "mse*2"]
EMPTY = r"128 mel bins.*fewer n_mels or longer fft_sizes.*22 050 Hz"


@pytest.mark.parametrize(
    ("loss", "rate", "message"),
    [
        *((terms, 22050, "mse, smooth_l1, log_nmse, stft, mel_stft, band_error") for terms in NO_TERMS),
        *((terms, 22050, "names a term twice") for terms in ("mse+mse", "mse+2*mse")),
        *((sizes, 22050, "FFT sizes of at least 16") for sizes in ({"fft_sizes": ()}, {"fft_sizes": (512, 8)})),
        ({"n_mels": 0}, 22050, "at least one mel bin"),
        ({}, 48000, EMPTY),
        ({"fft_sizes": (256, 512)}, 22050, EMPTY),
        ({"fft_sizes": (64,)}, 8000, EMPTY),  # which has fewer bins than that
    ],
)
def test_losses_that_cannot_work_are_refused(loss, rate, message):
    with pytest.raises(ConfigError, match=message):
        ReconstructionLoss(loss if isinstance(loss, str) else LossConfig("mel_stft", **loss), rate)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse+smooth_l1+log_nmse", 1),
        ("l1+mel", 1025),
        ("stft", 1025),
        ("band_error", 1025),
        (LossConfig("band_level", (64, 256)), 129),
        # These two have a window of their own, whatever the others have.
        ("loudness", 353),
        ("log_nmse+spectrum_level", 513),
        (LossConfig("spectrum_level+loudness", (64, 256)), 513),
        (LossConfig("loudness+stft", (64, 256)), 353),
    ],
)
def test_min_samples_is_the_shortest_signal_that_can_be_scored(name, expected):
    loss = ReconstructionLoss(name, 22050)
    assert loss.min_samples == expected
    terms = loss(torch.ones(1, expected), torch.zeros(1, expected))
    assert all(torch.isfinite(value) for value in terms.values())
    if expected > 1:
        with pytest.raises(RuntimeError, match=r"[Pp]adding size"):
            loss(torch.ones(1, expected - 1), torch.zeros(1, expected - 1))


@pytest.mark.parametrize("term", TERMS)
def test_float64_is_computed_in_float64(term):
    estimate, reference = pair()
    loss = ReconstructionLoss(term, 22050)
    double = loss(estimate.double(), reference.double())[term]
    assert double.dtype == torch.float64
    assert double.item() == pytest.approx(loss(estimate, reference)[term].item(), rel=1e-4)
    # A change far below float32's digits shows.
    shifted = loss(estimate.double() * (1 + 1e-10), reference.double())[term]
    assert 0 < abs(shifted.item() - double.item()) < 1e-8


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_about_the_same(term, dtype):
    estimate, reference = pair()
    loss = ReconstructionLoss(term, 22050)
    half = loss(estimate.to(dtype), reference.to(dtype))[term]
    assert half.item() == pytest.approx(loss(estimate, reference)[term].item(), rel=0.03, abs=0.01)


def test_band_error_counts_low_bands_more_and_those_of_a_voice_most():
    t = torch.arange(8192) / 22050
    generator = torch.Generator().manual_seed(0)
    reference = 0.1 * torch.randn(1, 8192, generator=generator)  # as loud in each band
    loss = ReconstructionLoss(LossConfig("band_error"), 22050)
    found = [
        loss(reference + 0.02 * torch.sin(2 * torch.pi * frequency * t), reference)["band_error"].item()
        for frequency in (250, 40, 1000, 3000, 9000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 1.5 * found[1]
    assert found[0] > 4 * found[-1]
