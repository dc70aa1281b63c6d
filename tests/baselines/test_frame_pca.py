"""The linear autoencoder: linear, orthonormal, better with more numbers, and the best linear one there is."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib import load_audio, load_dataset
from hypersound_lib.baselines import FramePCA, frame_pca_size
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import snr
from tests.sounds import noise

noise = partial(noise, dtype=torch.float64)


def coloured(seed=0):
    """Noise with some frequencies stronger than others: frames have a shape to learn."""
    window = torch.hann_window(9, dtype=torch.float64)
    return torch.nn.functional.conv1d(noise(1, 4000, seed=seed), window[None, None])[0]


def fitted(k, frame_length=16):
    return FramePCA.fit([coloured(seed) for seed in range(3)], frame_length, k)


@given(k=st.integers(1, 16), gain=st.floats(-10, 10), num_samples=st.integers(1, 100))
def test_it_is_linear(k, gain, num_samples):
    pca, x, y = fitted(k), noise(num_samples, seed=1), noise(num_samples, seed=2)
    mixed = pca.reconstruct(x + gain * y)
    torch.testing.assert_close(mixed, pca.reconstruct(x) + gain * pca.reconstruct(y), rtol=0, atol=1e-10)


@given(k=st.integers(1, 16))
def test_components_are_orthonormal(k):
    components = fitted(k).components
    torch.testing.assert_close(components.T @ components, torch.eye(k, dtype=torch.float64), rtol=0, atol=1e-10)


def test_the_error_falls_with_every_number_down_to_none():
    sound = coloured(seed=9)
    scores = [snr(sound, fitted(k).reconstruct(sound)).item() for k in range(1, 17)]
    assert scores == sorted(scores)
    assert scores[-1] > 250, "as many numbers as samples lose nothing"


def test_no_other_plane_is_nearer_to_the_sounds_it_was_fitted_to():
    sounds = [coloured(seed) for seed in range(3)]
    best = FramePCA.fit(sounds, 16, 4)
    for seed in range(20):
        # a plane nearby
        tilted = torch.linalg.qr(best.components + 0.1 * noise(16, 4, seed=seed)).Q
        errors = [
            sum((x - pca.reconstruct(x)).square().sum() for x in sounds)
            for pca in (best, FramePCA(tilted.contiguous()))
        ]
        assert errors[0] < errors[1]


def test_sounds_that_lie_in_a_plane_need_its_numbers_only():
    shapes = noise(2, 20)
    sounds = [(noise(50, 2, seed=seed) @ shapes).flatten() for seed in range(4)]
    pca = FramePCA.fit(sounds[:3], 20, 2)
    assert snr(sounds[3], pca.reconstruct(sounds[3])) > 150


def test_it_learns_speech_from_other_speakers():
    """A voice that it was not fitted to: far better than random directions, far from perfect."""
    mini = load_dataset("mini", "train").recordings[:4] + load_dataset("mini", "test").recordings[:1]
    *known, unknown = [load_audio(recording.path)[0] for recording in mini]
    pca = FramePCA.fit(known, 220, 22)
    at_random = FramePCA(torch.linalg.qr(noise(220, 22)).Q)
    assert 5 < snr(unknown, pca.reconstruct(unknown)) < 30
    assert snr(unknown, at_random.reconstruct(unknown)) < 1


@given(num_samples=st.integers(1, 70))
def test_any_length_gives_its_own_length_and_silence_stays_silent(num_samples):
    pca = fitted(3)
    assert pca.reconstruct(noise(num_samples)).shape == (num_samples,)
    assert torch.equal(pca.reconstruct(torch.zeros(num_samples)), torch.zeros(num_samples))


@given(size=st.floats(0.5, 60000), rate=st.sampled_from([8000, 16000, 22050, 44100]))
def test_the_size_chosen_is_the_size_asked_for(size, rate):
    frame_length, k = frame_pca_size(size, rate)
    assert 1 <= k <= frame_length
    assert frame_length >= round(0.02 * rate)
    # half a number per frame is the most that rounding costs
    assert abs(k * rate / frame_length - min(size, rate)) <= 0.51 * rate / frame_length


def test_what_cannot_be_fitted_is_refused():
    for k in (0, 17):
        with pytest.raises(ConfigError, match="1 to 16 components"):
            fitted(k)
    with pytest.raises(ConfigError, match="at least one sound"):
        FramePCA.fit([], 16, 2)
