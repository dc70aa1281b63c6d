"""The signs: log-odds from earlier frames' signs, even waves' signs and all magnitudes, and from nothing else."""

from decimal import Decimal, getcontext
from itertools import product

import pytest
import torch

from hypersound_lib.coding.exact import loudness
from hypersound_lib.coding.rate import knob_value
from hypersound_lib.coding.signs import PROBABILITIES, SignModel, probability_rows
from hypersound_lib.local.waves import LappedTransform
from tests.coding.small import WAVES, integers, make_entropy

KNOB = knob_value(torch.tensor([10, 200]))


def odds(y, knob=KNOB):
    """Return the log-odds of a small model, in exact arithmetic."""
    return make_entropy().exact().signs(y.double(), knob.double())


def test_probabilities_are_a_table_that_no_exponential_can_change():
    """None lies near a boundary between two multiples of 2⁻¹⁶, so a digit more or less rounds to the same one."""
    getcontext().prec = 40
    assert PROBABILITIES.shape == (97, 2)
    assert torch.equal(PROBABILITIES.sum(dim=1), torch.ones(97, dtype=torch.float64))
    margins = []
    for row, (positive, negative) in enumerate(PROBABILITIES.tolist()):
        exact = 65536 / (1 + (-Decimal(row - 48) / 8).exp())
        margins.append(Decimal("0.5") - abs(exact - exact.to_integral_value()))
        assert negative * 65536 == float(exact.to_integral_value())
        assert 0 < positive < 1
    assert min(margins) > Decimal("1e-4"), min(margins)


def test_rows_are_the_nearest_eighths_of_the_log_odds():
    rows = probability_rows(torch.tensor([0.0, 0.0626, -0.0626, 1.0, 6.0, 100.0, -100.0]))
    assert rows.tolist() == [48, 49, 47, 56, 96, 96, 0]


def test_a_sound_with_all_signs_changed_is_as_likely():
    _, y = integers(2, 9)
    assert torch.equal(odds(-y), -odds(y))


def test_each_sign_is_judged_by_its_neighbours():
    """Wave by wave, in plain Python, what the model computes for many at once."""
    model, (_, y) = make_entropy().signs, integers(2, 5, scale=1.0)
    size, with_sign, expected = loudness(y), loudness(y) * y.sign(), torch.zeros_like(y)
    for packet, frame, wave in product(range(2), range(5), range(WAVES)):

        def at(values, later, offsets, place=(packet, frame, wave)):
            k, waves = place[1] + later, [place[2] + offset for offset in offsets]
            return [values[place[0], k, m].item() if 0 <= k < 5 and 0 <= m < WAVES else 0.0 for m in waves]

        if y[packet, frame, wave] == 0:
            continue
        signs = at(with_sign, -1, range(-2, 3)) + at(with_sign, -2, range(-2, 3))
        signs += at(with_sign, 0, range(-5, 6, 2)) if wave % 2 else []
        sizes = at(size, 0, range(-2, 3)) + at(size, 1, range(-1, 2)) + [wave / 128, KNOB[packet].item()]
        network = model.networks[wave % 2]
        one, other = (network(torch.tensor([sign * s for s in signs] + sizes)) for sign in (1, -1))
        expected[packet, frame, wave] = (one - other)[0]
    torch.testing.assert_close(model(y, KNOB), expected, rtol=0, atol=1e-4)


def test_before_training_a_sign_takes_a_bit_and_after_it_those_of_unseen_tones_take_half():
    torch.manual_seed(0)
    model, transform = SignModel(WAVES, 32), LappedTransform(WAVES)
    draw = torch.Generator().manual_seed(0)

    def tones(count):
        pitch, phase = torch.rand(2, count, 1, generator=draw)
        time = torch.arange(30 * WAVES)
        return (60 * transform((torch.pi * pitch * time + 2 * torch.pi * phase).sin()))[:, 2:-2].round()

    def mean_bits(y):
        return model.bits(y, torch.zeros(len(y)))[y != 0].mean()

    unseen = tones(100)
    assert mean_bits(unseen).item() == pytest.approx(1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        mean_bits(tones(32)).backward()
        optimizer.step()
    assert mean_bits(unseen).item() < 0.5
