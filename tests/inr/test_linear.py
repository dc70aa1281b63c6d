"""The affine map: every mix of common and generated weights agrees with a loop over the items."""

import itertools

import pytest
import torch

from hypersound_lib.inr.fourier_mlp import linear

B, T, N, M = 3, 5, 4, 2


def make(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("x_batched", "weight_batched", "bias_batched"), list(itertools.product([False, True], repeat=3))
)
def test_any_mix_of_common_and_generated_agrees_with_a_loop(x_batched, weight_batched, bias_batched):
    torch.manual_seed(0)
    x = make(*[B] * x_batched, T, N)
    weight = make(*[B] * weight_batched, M, N)
    bias = make(*[B] * bias_batched, M)
    out = linear(x, weight, bias)

    batched = (x_batched, weight_batched, bias_batched)
    items = [[v[b] if own else v for v, own in zip((x, weight, bias), batched, strict=True)] for b in range(B)]
    looped = torch.stack([torch.nn.functional.linear(*item) for item in items])
    if not any(batched):
        looped = looped[0]
    assert out.shape == looped.shape
    torch.testing.assert_close(out, looped, rtol=0, atol=1e-12)
    target = torch.randn(out.shape, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * target).sum(), (x, weight, bias)) for y in (out, looped)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_generated_biases_are_not_mistaken_for_instants_where_the_numbers_agree():
    x, weight, bias = torch.zeros(3, 2), torch.zeros(2, 2), torch.arange(6.0).reshape(3, 2)
    out = linear(x, weight, bias)  # three instants and three items
    assert out.shape == (3, 3, 2)
    assert torch.equal(out[1], bias[1].expand(3, 2))
