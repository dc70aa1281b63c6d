"""Which waves are the loudest: harmonics of a pitch, the same ones whoever asks, and fair shares of blocks."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.bands import band_weights
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_features import lapped_waves
from hypersound_lib.inr.loudest import log_comb, loudest, share_among_frames

HOP, BANDS = 64, 6
FREQUENCIES = lapped_waves(HOP)[0]
WEIGHTS = band_weights(FREQUENCIES, BANDS)
CONFIG = LocalConfig(hop=HOP, bands=BANDS, pulses=(1.0, 8.0), loudest=20)


@given(nu=st.floats(2.0, 4.0), sure=st.floats(0.0, 1.0))
@settings(max_examples=25, deadline=None)
def test_a_comb_has_its_teeth_at_the_harmonics_and_leaves_bands_as_loud_as_they_were(nu, sure):
    comb = log_comb(torch.tensor([math.log(nu), sure], dtype=torch.float64), FREQUENCIES, WEIGHTS)
    power = torch.exp(2 * comb) @ (WEIGHTS / WEIGHTS.sum(dim=1, keepdim=True)).mT
    assert (power.log().abs() < 0.7).all(), "within 3 dB, as neighbouring bands overlap"
    harmonic = FREQUENCIES / nu
    on, off = (harmonic - harmonic.round()).abs() < 0.1, (harmonic - harmonic.round()).abs() > 0.4
    low = FREQUENCIES < HOP / 8
    if sure > 0.5 and nu > 3 and (on & low).any() and (off & low).any():
        assert comb[on & low].mean() > comb[off & low].mean() + 0.2
    if sure == 0:
        assert comb.abs().max() < 1e-12


def test_the_loudest_come_first_and_waves_above_the_ceiling_are_wanted_less():
    envelope = torch.full((HOP,), -6.0, dtype=torch.float64)
    envelope[[5, 60]] = 0.0
    wanted, chosen = loudest(envelope, 4, 0.4)
    assert chosen.tolist() == [5, 0, 1, 2], "wave 60 is as loud as wave 5, but far above the ceiling"
    assert wanted.tolist() == sorted(wanted.tolist(), reverse=True)
    assert 60 in loudest(envelope, 4, 1.0)[1]


@given(
    frames=st.integers(1, 13), block=st.integers(1, 5), size=st.integers(2, 9), data=st.data(), seed=st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_frames_of_a_block_share_and_none_sends_more_than_there_is(frames, block, size, data, seed):
    each = data.draw(st.integers(1, size))
    wanted = torch.randn(2, frames, size, generator=torch.Generator().manual_seed(seed)).sort(descending=True).values
    counts = share_among_frames(wanted, block, each)
    assert counts.shape == (2, frames)
    assert counts.max() <= size
    for first in range(0, frames, block):
        part = wanted[:, first : first + block]
        sent = torch.arange(size) < counts[:, first : first + block, None]
        assert (sent.sum(dim=(1, 2)) == each * part.shape[1]).all(), "no more and no fewer than the block may"
        for one, mask in zip(part, sent, strict=True):
            if not mask.all():
                assert one[mask].min() >= one[~mask].max(), "those that are wanted most"


def frames(batch=1, count=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = LocalINR(CONFIG).shapes
    theta = {name: torch.randn(batch, count, *shape, generator=generator) for name, shape in shapes.items()}
    for name in ("gains", "textures", "voices"):
        theta[name] -= 6
    theta["pitch"] = torch.rand(batch, count, 3, generator=generator)  # log ν, φ, sure
    theta["clear"] = torch.full((batch, count, 1), 7.0)
    return theta


def test_only_clear_waves_are_played_from_the_readout_and_all_others_from_textures():
    target, theta = LocalINR(CONFIG), frames()
    changed = theta | {"readout": theta["readout"].clone()}
    changed["readout"][..., 7:] += 1.0
    torch.testing.assert_close(target(theta, 300), target(changed, 300), rtol=0, atol=0)
    changed["readout"][..., 6] += 1.0
    assert (target(theta, 300) - target(changed, 300)).abs().max() > 1e-3
    quiet = theta | {
        "textures": torch.full_like(theta["textures"], -30.0),
        "voices": torch.full_like(theta["voices"], -30.0),
    }
    none = quiet | {"clear": torch.zeros_like(theta["clear"])}
    assert target(quiet, 300).abs().max() > 1e-3
    assert target(none, 300).abs().max() < 1e-4


def test_frames_choose_the_same_waves_alone_and_among_others():
    """A product of matrices rounds as its shape has it; the choice must not hang on that."""
    target, theta = LocalINR(CONFIG), frames(batch=3, count=40)
    whole = target(theta, 38 * HOP)
    for first in (0, 7, 20):
        part = {name: value[1:2, first : first + 12] for name, value in theta.items()}
        played = target(part, 10 * HOP, start=(first + 1) * HOP, first_frame=first)
        torch.testing.assert_close(played[0], whole[1, (first + 1) * HOP : (first + 11) * HOP], rtol=0, atol=1e-5)


def test_impossible_sizes_are_refused():
    for changes, message in [
        ({"loudest": 65}, "at most hop"),
        ({"basis": 8}, "without a basis"),
        ({"waves": "paired"}, "among lapped waves"),
        ({"textures": 1}, "textures are 0, or at least 2"),
        ({"ceiling": 0.0}, "the ceiling lies in"),
    ]:
        with pytest.raises(ConfigError, match=message):
            LocalConfig(**({"hop": HOP, "bands": BANDS, "pulses": (1.0, 8.0), "loudest": 20} | changes))
    with pytest.raises(ConfigError, match="found by bands and pulses"):
        LocalConfig(hop=HOP, bands=BANDS, loudest=20)
