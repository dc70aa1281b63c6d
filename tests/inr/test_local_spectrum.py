"""What a local hypernetwork hears: enough to play the sound back exactly, with every band at one level."""

import pytest
import torch

from hypersound_lib.hypernetwork import split_params
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_spectrum import LappedSpectrum
from hypersound_lib.metrics import si_snr

HOP, BANDS = 64, 8


def sound(num_samples, level=0.1):
    """Return noise whose upper half of the band is 20 dB below the lower."""
    noise = torch.randn(num_samples, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spectrum = torch.fft.rfft(noise)
    spectrum[len(spectrum) // 2 :] *= 0.1
    return level * torch.fft.irfft(spectrum, num_samples)[None]


def play(target, spectrum, x):
    start = torch.cat([value.flatten() for value in target.start().values()]).to(x)
    theta = start + spectrum(x) @ target.copy(spectrum).to(x).T
    return target(split_params(theta, target.shapes), x.shape[-1])


def test_copied_cosines_play_the_sound_exactly():
    x = sound(2000)
    target = LocalINR(LocalConfig(hop=HOP)).double()
    assert si_snr(x, play(target, LappedSpectrum(HOP, 0), x)).item() > 100


def test_with_bands_only_the_textures_are_wrong_and_they_lie_13_db_below():
    x = sound(2000)
    target = LocalINR(LocalConfig(hop=HOP, bands=BANDS)).double()
    assert 10 < si_snr(x, play(target, LappedSpectrum(HOP, BANDS), x)).item() < 16


def test_every_band_is_heard_at_one_level_and_its_own_level_is_told():
    x = sound(64 * HOP)
    features = LappedSpectrum(HOP, BANDS)(x)[0, 2:-2]
    cosines, levels = features[:, :HOP], features[:, 2 * HOP :]
    low, high = cosines[:, 4 : HOP // 4].std(), cosines[:, -HOP // 4 :].std()
    assert low / high == pytest.approx(1, abs=0.35)
    assert (levels[:, 1] - levels[:, -1]).mean() * 3 == pytest.approx(2.3, abs=0.3)  # ln 10


def test_a_gain_moves_levels_and_nothing_else():
    spectrum, x = LappedSpectrum(HOP, BANDS), sound(3000)
    loud, quiet = spectrum(x)[:, 1:-1], spectrum(0.01 * x)[:, 1:-1]
    torch.testing.assert_close(quiet[..., : 2 * HOP], loud[..., : 2 * HOP], rtol=0, atol=0.05)
    torch.testing.assert_close(
        (loud - quiet)[..., 2 * HOP :] * 3, torch.full_like(loud[..., 2 * HOP :], 4.605), rtol=0, atol=0.05
    )


def test_silence_is_finite():
    assert LappedSpectrum(HOP, BANDS)(torch.zeros(1, 500)).isfinite().all()


@pytest.mark.parametrize("config", [LocalConfig(hop=HOP, waves="paired"), LocalConfig(hop=HOP, bands=4)], ids=str)
def test_there_is_no_copy_where_target_and_spectrum_differ(config):
    assert LocalINR(config).copy(LappedSpectrum(HOP, BANDS)) is None
