"""Probability tables: their frequencies can be coded, and code lengths have the gradients that are documented."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.coding.tables import ProbabilityTable
from hypersound_lib.coding.tensors import bound


def make(seed=0, rows=6, symbols=8, scale=1.0):
    table = ProbabilityTable(rows, symbols).double()
    noise = torch.randn(rows, symbols, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    with torch.no_grad():
        table.logits += scale * noise
    return table


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 1.0, 30.0, 1e4]),
    rows=st.integers(2, 70),
    symbols=st.integers(2, 70),
)
def test_frequencies_add_up_and_none_is_zero(seed, scale, rows, symbols):
    table = make(seed, rows, symbols, scale)
    table.freeze()
    assert bool((table.frequencies.sum(dim=-1) == 2**16).all())
    assert table.frequencies.min() >= 1
    share = table.frequencies / 2**16
    assert (share - table.logits.softmax(dim=-1)).abs().max() < 2 * symbols / 2**16


def test_a_length_is_that_of_the_row_with_sign_and_escape():
    table = make()
    p = 1 / 2**16 + (1 - 8 / 2**16) * table.logits.softmax(dim=-1)
    for y, extra in [(0, 0), (1, 1), (-3, 1), (6, 1), (7, 2), (-7, 2), (8, 4), (9, 4), (10, 6), (-100, 1 + 13)]:
        for row in (0.0, 2.0, 5.0):
            length = table.bits(torch.tensor([float(y)]).double(), torch.tensor([row]).double())
            expected = -p[int(row), min(abs(y), 7)].log2() + extra
            torch.testing.assert_close(length[0], expected, rtol=1e-9, atol=0)


def test_rows_between_and_beyond():
    table, y = make(), torch.tensor([2.0]).double()
    low, half, high = (table.bits(y, torch.tensor([z]).double()) for z in (1.0, 1.5, 2.0))
    torch.testing.assert_close(half, (low + high) / 2)
    for beyond, end in ((-3.0, 0.0), (99.0, 5.0)):
        ends = (table.bits(y, torch.tensor([z]).double()) for z in (beyond, end))
        torch.testing.assert_close(*ends)


def smooth(table, y, z):
    """Bits, linear between integers, without what is beyond the table: the function whose expectation is meant."""
    size = y.abs()
    low = size.floor()
    ends = [table.bits((low + i).detach(), z) for i in (0, 1)]
    return torch.lerp(*ends, size - low)


@pytest.mark.parametrize("y", [0.0, 0.2, 0.49, 0.51, 0.8, -0.8, 1.3, -2.6, 3.5, 5.2])
@pytest.mark.parametrize("row", [0.0, 2.3, 5.0])
def test_the_gradient_of_a_number_is_that_of_its_expected_length_under_noise(y, row):
    table = make(scale=0.5)
    number = torch.tensor(y, dtype=torch.float64, requires_grad=True)
    z = torch.tensor(row, dtype=torch.float64)
    (found,) = torch.autograd.grad(table.bits(number, z), number)
    noise = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000 - 0.5
    with torch.no_grad():
        above, below = (smooth(table, y + step + noise, z).mean() for step in (1e-3, -1e-3))
    torch.testing.assert_close(found, (above - below) / 2e-3, rtol=1e-3, atol=1e-3)


def test_the_gradients_of_rows_and_of_the_table_are_their_own():
    table = make()
    y = torch.tensor([0.0, 1.0, -2.0, 7.0, 30.0], dtype=torch.float64)
    z = torch.tensor([0.3, 1.4, 2.5, 3.6, 4.7], dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda rows: table.bits(y, rows), (z,))

    def with_logits(logits):
        return torch.func.functional_call(table, {"logits": logits}, (y, z.detach()))

    table.forward = table.bits
    torch.autograd.gradcheck(with_logits, (table.logits.detach().clone().requires_grad_(),))


def test_bounded_values_have_gradients_that_lead_back_and_none_that_lead_out():
    x = torch.tensor([-2.0, -2.0, 0.5, 3.0, 3.0], requires_grad=True)
    bounded = bound(x, 0, 1)
    bounded.backward(torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0]))
    assert bounded.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    # Descent goes against the gradient: below 0 only a negative one leads back, above 1 only a positive one.
    assert x.grad.tolist() == [0.0, -1.0, 1.0, 1.0, 0.0]
