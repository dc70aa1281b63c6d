"""The phase mangle moves phase and nothing else; dequantisation stays within one step."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hypersound_lib.data import Dequantize, PhaseMangle, all_pass, codec_augmentation, paper_augmentation
from hypersound_lib.errors import ConfigError

RATE = 22050
LSB = 1 / 32768


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=40)
@given(
    samples=hnp.arrays(np.float64, 500, elements=st.floats(-1, 1)),
    frequency=st.floats(20, 2000),
    radius=st.floats(0, 0.99),
)
def test_all_pass_leaves_every_magnitude_unchanged(samples, frequency, radius):
    # Zeros follow the sound, so that the filter's ringing (0.99^8000 < 1e-34) fits in.
    waveform = torch.cat([torch.from_numpy(samples), torch.zeros(8000, dtype=torch.float64)])
    filtered = all_pass(waveform, RATE, frequency, radius)
    before, after = torch.fft.rfft(waveform).abs(), torch.fft.rfft(filtered).abs()
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("frequency", [20.0, 300.0, 2000.0])
def test_all_pass_turns_the_phase_by_half_a_circle_at_its_pole(frequency):
    impulse = torch.zeros(2**16, dtype=torch.float64)
    impulse[0] = 1
    response = torch.fft.rfft(all_pass(impulse, RATE, frequency))
    phase = np.unwrap(np.angle(response.numpy()))
    assert phase[0] == pytest.approx(0, abs=1e-6)
    assert phase[-1] == pytest.approx(-2 * np.pi, abs=1e-6)  # two poles: a full circle from 0 Hz to Nyquist
    if frequency >= 300:  # lower, the pole and its mirror image overlap
        at_pole = round(frequency * 2**16 / RATE)
        assert phase[at_pole] == pytest.approx(-np.pi, abs=0.2)


def test_all_pass_is_accurate_near_20_hz_in_float32():
    waveform = torch.from_numpy(rng().uniform(-1, 1, 32768))
    exact = all_pass(waveform, RATE, 20.0)
    assert (all_pass(waveform.float(), RATE, 20.0) - exact).abs().max() < LSB / 4


def test_phase_mangle_acts_with_its_probability_and_changes_the_waveform():
    waveform = torch.from_numpy(rng().uniform(-1, 1, 64)).float()
    step, source = PhaseMangle(RATE), rng(1)
    changed = sum(not torch.equal(step(waveform, source), waveform) for _ in range(1000))
    assert changed / 1000 == pytest.approx(0.8, abs=0.05)


def test_phase_mangle_draws_poles_evenly_in_octaves_between_its_limits(monkeypatch):
    from hypersound_lib.data import augment

    drawn = []
    monkeypatch.setattr(
        augment, "all_pass", lambda waveform, rate, frequency, radius: drawn.append((frequency, radius))
    )
    step, source = PhaseMangle(RATE, probability=1.0), rng(2)
    for _ in range(2000):
        step(torch.zeros(4), source)
    frequencies, radii = np.array(drawn).T
    assert set(radii) == {0.99}
    assert 20 <= frequencies.min() < 21
    assert 1900 < frequencies.max() <= 2000
    assert (frequencies < 200).mean() == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("bits", [8, 16])
def test_dequantisation_is_uniform_over_one_step_without_offset(bits):
    step = 2.0 ** (1 - bits)
    noise = Dequantize(bits)(torch.zeros(100_000), rng()) / step
    assert noise.min() >= -0.5
    assert noise.max() < 0.5
    assert noise.mean().abs() < 0.01
    assert noise.std().item() == pytest.approx(1 / np.sqrt(12), rel=0.02)


@given(samples=hnp.arrays(np.int16, 100), seed=st.integers(0, 2**32))
def test_a_dequantised_sample_stays_within_what_rounds_to_its_integer(samples, seed):
    noisy = Dequantize(16)(torch.from_numpy(samples).float() / 32768, rng(seed))
    # Beside full scale float32 itself is 2^-9 of a step coarse.
    assert (noisy.double() * 32768 - torch.from_numpy(samples)).abs().max() <= 0.5 + 2**-9


@pytest.mark.parametrize("augmentation", [paper_augmentation, codec_augmentation])
def test_all_steps_keep_shape_dtype_and_their_input(augmentation):
    waveform = torch.from_numpy(rng().uniform(-1, 1, 1000)).float()
    before = waveform.clone()
    for seed in range(100):
        clip = waveform
        source = rng(seed)
        for step in augmentation(RATE):
            clip = step(clip, source)
        assert clip.shape == waveform.shape
        assert clip.dtype == torch.float32
    assert torch.equal(waveform, before)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PhaseMangle(RATE, min_frequency=0), "from 0 to"),
        (lambda: PhaseMangle(RATE, min_frequency=3000), "from 3000 to"),
        (lambda: PhaseMangle(3000), "below 1500"),
        (lambda: Dequantize(0), "of 0 bits"),
        (lambda: all_pass(torch.zeros(4), RATE, 440, radius=1.0), r"not radius 1\.0"),
        (lambda: all_pass(torch.zeros(4), RATE, RATE), r"22050 Hz$"),
    ],
)
def test_settings_that_cannot_work_are_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
