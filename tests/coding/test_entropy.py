"""The entropy model: rows depend on what was decoded before, and on nothing else, by exact numbers alone."""

from decimal import Decimal, getcontext
from itertools import product

import pytest
import torch

from hypersound_lib.coding.entropy import pasts
from hypersound_lib.coding.exact import loudness
from hypersound_lib.coding.rate import KNOBS, knob_value
from hypersound_lib.errors import ConfigError
from tests.coding.small import WAVES, integers, make_entropy

KNOB = knob_value(torch.tensor([10, 200]))


def rows(model, h, y):
    """Return the exact model's expected side numbers, rows of side numbers, and rows of waves."""
    exact, knob = model.exact(), KNOB.double()
    return *exact.side_rows(h.double(), knob), exact.wave_rows(y.double(), h.double(), knob)


def test_loudness_is_a_table_that_no_logarithm_can_change():
    """None lies near a boundary between two multiples of 2⁻¹⁰, so a digit more or less rounds to the same one."""
    getcontext().prec = 40
    largest = int((loudness(torch.arange(1000.0)).diff() > 0).sum())
    assert largest >= 15
    margins = []
    for size in range(largest + 1):
        exact = Decimal(1 + size).ln() / Decimal(2).ln() * 1024
        rounded = exact.to_integral_value()
        margins.append(Decimal("0.5") - abs(exact - rounded))
        for dtype in (torch.float32, torch.float64):
            for y in (size, -size):
                assert loudness(torch.tensor([y], dtype=dtype)).item() == float(rounded) / 1024
    assert min(margins) > Decimal("1e-4"), min(margins)
    assert loudness(torch.tensor([1e6])) == loudness(torch.tensor([float(largest)]))


def test_the_knob_lies_on_the_exact_grid():
    values = knob_value(torch.arange(KNOBS)).double() * 1024
    assert torch.equal(values, values.round())
    assert len(values.diff().unique()) == 1, "from position to position the same"
    assert values[1] > values[0], "position 0 is the finest"
    for wrong in (-1, KNOBS, torch.tensor([3, 999])):
        with pytest.raises(ConfigError, match="positions 0 to 255"):
            knob_value(wrong)


def test_all_that_networks_take_lies_on_the_exact_grid(monkeypatch):
    model = make_entropy().exact()
    taken = []
    for network in (model.side_network, model.whole, *model.near, *model.signs.networks):
        for name in ("forward", "columns", "odd_columns"):
            method = getattr(network, name)
            monkeypatch.setattr(network, name, lambda *x, method=method: (taken.extend(x), method(*x))[1])
    h, y = integers(2, 12, scale=40.0)
    rows(model, h, y)
    model.signs(y.double(), KNOB.double())
    assert len(taken) == 2 + 2 + 2 * 2  # the last networks take signs and sizes apart
    for x in taken:
        assert x.dtype == torch.float64
        assert torch.equal(x * 1024, (x * 1024).round())
        assert x.abs().max() <= 64


def test_lengths_are_the_same_where_the_networks_run_everywhere_as_on_a_gpu(monkeypatch):
    model, (h, y) = make_entropy().train(), integers(2, 9, scale=8.0)
    expected = model.bits(h, y, KNOB)
    monkeypatch.setattr("hypersound_lib.coding.tensors._is_dense", lambda device: True)
    torch.testing.assert_close(model.bits(h, y, KNOB), expected, rtol=1e-5, atol=0)


def test_each_wave_is_judged_by_its_neighbours_and_by_the_first_guess_where_they_are_all_zero():
    """Wave by wave, in plain Python, what the model computes for many at once."""
    model, (h, y) = make_entropy(), integers(2, 9, scale=0.5)
    past, now = pasts(loudness(y)), loudness(y)
    guesses = model.whole_rows(past, model.context(h, 9), KNOB)
    expected = torch.zeros_like(y)
    alone = 0
    for packet, frame, wave in product(range(2), range(9), range(WAVES)):

        def at(values, reach, step=1, place=(packet, frame, wave)):
            around = range(place[2] - reach, place[2] + reach + 1, step)
            return [values[place[0], place[1], m].item() if 0 <= m < WAVES else 0.0 for m in around]

        own = at(now, 7, 2) if wave % 2 else []  # from m - 7 to m + 7, the even ones
        guess = guesses[packet, frame, wave]
        expected[packet, frame, wave] = 4 * guess
        if any(sum((at(part, 2) for part in past), own)):
            known = [guess.item(), wave / 128, KNOB[packet].item(), *at(past[0], 2), *at(past[1], 1), *at(past[2], 0)]
            expected[packet, frame, wave] += 4 * model.near[wave % 2](torch.tensor(known + own))[0]
        else:
            alone += 1
    assert 10 < alone < y.numel() - 10
    torch.testing.assert_close(model.wave_rows(y, h, KNOB), expected, rtol=0, atol=1e-4)
