"""Sine networks: every layer starts at the scale that the original initialisation promises."""

import math

import pytest
import torch

from hypersound_lib import time_coords
from hypersound_lib.inr import SIREN, ModulatedSIREN, ModulatedSIRENConfig, SIRENConfig


def test_every_hidden_layer_starts_with_angles_of_unit_scale():
    torch.manual_seed(0)
    inr = SIREN(SIRENConfig(hidden_layers=5, width=256))
    angles = []
    coords = time_coords(4096)
    x = torch.sin(inr.config.omega_0 * inr.layers[0](coords))
    for layer in list(inr.layers)[1:-1]:
        angle = inr.config.hidden_omega * layer(x)
        without_bias = angle - inr.config.hidden_omega * layer.bias
        angles.append(without_bias.square().mean().sqrt().item())
        x = torch.sin(angle)
    assert all(0.85 < scale < 1.15 for scale in angles), angles


def test_first_layer_reaches_the_frequencies_that_omega_0_promises():
    torch.manual_seed(0)
    inr = SIREN(SIRENConfig(hidden_layers=1, width=512, omega_0=6000.0))
    highest = inr.config.omega_0 * inr.layers[0].weight.abs().max() / (2 * math.pi)
    assert 0.95 * 955 < highest < 955


def test_first_layer_keeps_its_phase_in_bfloat16():
    torch.manual_seed(0)
    inr = SIREN(SIRENConfig(hidden_layers=1, width=64))
    coords = time_coords(2048)
    exact = inr(coords)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = inr(coords).float()
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("latent_scale", [0.0, 1.0])
def test_modulated_network_with_unit_amplitudes_is_its_synthesiser(latent_scale):
    torch.manual_seed(0)
    inr = ModulatedSIREN(ModulatedSIRENConfig(hidden_layers=3, width=16, latent_size=4, omega_0=50.0))
    with torch.no_grad():
        for modulator in inr.modulators:
            modulator.weight.zero_()
        inr.latent.mul_(latent_scale)
    synthesiser = SIREN(SIRENConfig(hidden_layers=3, width=16, omega_0=50.0))
    synthesiser.load_state_dict({k: v for k, v in inr.state_dict().items() if k.startswith("layers")})
    coords = time_coords(64)
    assert torch.allclose(inr(coords), synthesiser(coords), atol=1e-6)
