"""ELU layers: the constant is the integral it claims to be, and deep stacks keep their variance."""

import pytest
import scipy.integrate
import scipy.stats
import torch
from torch import nn

from hypersound_lib.hypersound.elu import ELU_SECOND_MOMENT, init_elu_


def test_the_second_moment_agrees_with_numeric_integration():
    def integrand(z):
        value = torch.nn.functional.elu(torch.tensor(z, dtype=torch.float64)).item()
        return value**2 * scipy.stats.norm.pdf(z)

    expected = sum(scipy.integrate.quad(integrand, *bounds)[0] for bounds in ((-12, 0), (0, 12)))
    assert pytest.approx(expected, rel=1e-8) == ELU_SECOND_MOMENT


@torch.no_grad()
def last_variance(init, depth=20, width=400):
    torch.manual_seed(0)
    h = torch.randn(500, width)
    for _ in range(depth):
        layer = nn.Linear(width, width)
        init(layer)
        h = layer(nn.functional.elu(h))
    return h.var().item()


def test_a_deep_stack_keeps_its_variance_and_pytorchs_own_init_does_not():
    assert last_variance(init_elu_) == pytest.approx(1, rel=0.2)
    assert last_variance(lambda layer: None) < 0.1


@pytest.mark.parametrize("layer", [nn.Linear(300, 200), nn.Conv1d(50, 200, 6)], ids=["linear", "conv"])
def test_linear_and_convolution_start_alike(layer):
    torch.manual_seed(0)
    init_elu_(layer)
    assert layer.weight.var().item() == pytest.approx(1 / (300 * ELU_SECOND_MOMENT), rel=0.03)
    assert not layer.bias.any()
