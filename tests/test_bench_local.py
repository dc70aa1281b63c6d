"""What the ablation of the local model compares: parts that do what their names say, and scores at equal rates."""

import dataclasses

import pytest
import torch

from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.rate import knob_value
from hypersound_lib.coding.tensors import whole_packets
from hypersound_lib.local.model import LocalHyperSound
from tests.benchmarks import bench_local_ablation as ablation
from tests.benchmarks import local_parts as parts
from tests.benchmarks.equal_bits import scores_at
from tests.local.small import CONFIG


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LocalHyperSound(dataclasses.replace(CONFIG, packet=40, side_held=1)).eval()


SOUND = torch.randn(1, 400, generator=torch.Generator().manual_seed(0))
R = knob_value(100)[None]


def sent(model):
    amplitudes = whole_packets(model.amplitudes(SOUND), model.config.packet)
    return Packets(*(part.round() for part in model.quantise(amplitudes, R)))


def test_scores_lie_between_neighbours_over_the_logarithm_of_the_rate():
    curve = [{"kbps": kbps, **dict.fromkeys(ablation.METRICS, value)} for kbps, value in ((2.0, 1.0), (8.0, 3.0))]
    assert scores_at(4.0, curve, ablation.METRICS)["pesq"] == pytest.approx(2.0)
    assert scores_at(1.9, curve, ablation.METRICS) == scores_at(8.1, curve, ablation.METRICS) == {}
    curve[0]["pesq"] = None
    assert set(scores_at(4.0, curve, ablation.METRICS)) == {"stoi", "lsd", "si_snr"}


@pytest.mark.slow
def test_every_row_can_be_built_and_learns_in_all_of_its_weights():
    for row in ablation.ROWS:
        if not row.trained:
            continue
        model = row.build().train()
        sound, costs = model(SOUND.repeat(1, 9), with_costs=True)
        ((sound - SOUND.repeat(1, 9)).square().mean() + costs["rate"]).backward()
        idle = [name for name, p in model.named_parameters() if p.grad is None]
        # Side numbers that are never sent need no table.
        assert all(name.startswith("entropy.inner.side_") for name in idle), (row.name, idle)


def test_plain_values_are_integers_times_steps_and_shrunk_ones_are_no_larger(model):
    integers = sent(model)
    plain = integers.waves * torch.exp(-model.steps(integers.side, R)) / model.unit
    assert not torch.equal(model.generate(integers, R), plain)
    parts.only_shrink(model)
    assert (model.generate(integers, R).abs() <= plain.abs() + 1e-7).all()
    parts.plain(model)
    torch.testing.assert_close(model.generate(integers, R), plain)


def test_without_context_no_integer_changes_anothers_probability(model):
    with torch.no_grad():  # fresh networks say the same of everything
        for p in model.entropy.parameters():
            p.add_(0.3 * torch.randn(p.shape))
    side, waves = sent(model)
    changed = waves + 3

    def depends() -> bool:
        rows = [model.entropy.wave_rows(y, side, R) for y in (waves, changed)]
        return not torch.equal(*rows)

    assert depends()
    parts.without_context(model)
    assert not depends()


def test_side_numbers_that_are_not_sent_cost_nothing(model):
    assert model.entropy.bits(*sent(model), R)[0] > 0
    parts.without_side(model)
    assert model.entropy.bits(*sent(model), R)[0] == 0


def test_a_learnt_analysis_starts_as_the_transform(model):
    before = model.amplitudes(SOUND)
    parts.learnt_analysis(model)
    torch.testing.assert_close(model.amplitudes(SOUND), before)
    parts.random_analysis(model)
    assert not torch.allclose(model.amplitudes(SOUND), before, atol=0.1)
