"""The hypernetwork that sends the loudest waves: a codec before its first step, and blind to all but its code."""

import dataclasses

import pytest
import torch

from hypersound_lib.addressed_hypernetwork import AddressedHyperNetwork
from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_spectrum import LappedSpectrum
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig
from hypersound_lib.metrics import lsd, si_snr
from hypersound_lib.model import build_model
from hypersound_lib.presets import preset

RATE = 22050
SIZES = LocalConfig(hop=64, bands=6, pulses=(1.0, 8.0), loudest=30, textures=8)


def make(**changes):
    torch.manual_seed(0)
    config = dataclasses.replace(
        LocalHyperNetworkConfig(width=16, dilations=(1,), bottleneck=6 + 3 + 12, block=4), **changes
    )
    return AddressedHyperNetwork(LappedSpectrum(SIZES.hop, SIZES.bands, SIZES.pulses), LocalINR(SIZES), config)


def voice(seconds=1.0, pitch=140.0):
    """A buzz of harmonics that glides and swells, and some noise: it has a pitch, a loud part, and a quiet one."""
    t = torch.arange(round(seconds * RATE)) / RATE
    phase = 2 * torch.pi * (pitch * t + 10 * t**2)
    buzz = sum(torch.sin(k * phase) / k for k in range(1, 30))
    swell = 0.02 + torch.sin(torch.pi * t / seconds) ** 2
    return 0.1 * swell * buzz + 0.002 * torch.randn(len(t), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "least"), [("local-hifi", 14.0), ("local-small", 9.0)])
def test_it_speaks_before_its_first_step(name, least):
    model = build_model(preset(name).model).eval()
    x = voice()
    with torch.no_grad():
        copy = model(x[None])[0]
    assert si_snr(x, copy) > least
    assert lsd(x, copy, RATE) < 1.5


def test_theta_depends_on_the_code_alone():
    network = make()
    with torch.no_grad():
        network.head.weight.normal_(std=0.1)
    side, values = network.code(voice(0.1)[None])
    assert values.count_nonzero() == 12 * side.shape[1], "as many values as the bottleneck has room for"
    theta, again = network(voice(0.1)[None]), network.generate(side, values)
    for name, value in theta.items():
        torch.testing.assert_close(again[name], value, rtol=0, atol=1e-6)
    smuggled = network.generate(side, torch.where(values == 0, 5.0, values))
    assert torch.equal(smuggled["readout"], again["readout"]), "what was not sent is not read"


def test_loud_frames_send_more():
    network = make()
    x = voice(0.3)
    x[: len(x) // 2] *= 0.01
    _, values = network.code(x[None])
    counts = values[0].count_nonzero(dim=1)
    edge = len(x) // 2 // SIZES.hop // 4 * 4  # the block that holds both
    assert counts[edge : edge + 4].max() > counts[edge : edge + 4].min()


def test_alone_every_frame_sends_as_many():
    _, values = make(block=1).code(voice(0.1)[None])
    assert (values[0].count_nonzero(dim=1) == 12).all()


def test_what_it_cannot_write_is_refused():
    for bottleneck in (9, 6 + 3 + 31):
        with pytest.raises(ConfigError, match="it must leave 1 to 30"):
            make(bottleneck=bottleneck)
    plain = LocalINR(LocalConfig(hop=64, bands=6))
    with pytest.raises(ConfigError, match="readouts of the loudest waves"):
        AddressedHyperNetwork(LappedSpectrum(64, 6), plain, LocalHyperNetworkConfig())
    with pytest.raises(ConfigError, match="hears waveforms"):
        make()(torch.zeros(5))
