"""Validation: fixed clips, none of them silent, and the model left as it was."""

import numpy as np
import pytest
import torch

from hypersound_lib.data import AudioStore
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.metrics import nmse, si_snr
from hypersound_lib.training.validation import Validation
from tests.local.small import make_model as make_local

from .tiny import RATE, make_model, make_store


def half_silent_store():
    store = make_store(count=1)
    samples = torch.cat([torch.zeros(RATE, dtype=torch.int16), store.samples])
    return AudioStore(samples, np.array([0, RATE, 2 * RATE]), RATE, ["silence", "tone"], ["", ""])


def test_clips_are_fixed_and_spread_over_the_store():
    first, second = (Validation(make_store(), 256, 6, 4) for _ in range(2))
    assert torch.equal(first.clips, second.clips)
    assert first.clips.shape == (6, 256)
    assert torch.equal(first.clips[0], make_store().read(0, 0, 256)), "from the first recording"
    last = make_store().read(2)
    assert any(torch.equal(first.clips[-1][:64], last[i : i + 64]) for i in range(0, len(last) - 63, 256)), (
        "to the last"
    )


def test_silent_clips_are_passed_over():
    clips = Validation(half_silent_store(), 256, 8, 4).clips
    assert len(clips) == 8
    assert bool((clips.abs().amax(dim=1) > 0.1).all())


def test_measures_are_means_of_terms_and_medians_of_metrics():
    model, loss = make_model().train(), ReconstructionLoss("mse+0.5*smooth_l1", RATE)
    validation = Validation(make_store(), 256, 5, batch_size=2)
    measured = validation.measure(model, loss)
    assert model.training, "the mode is restored"
    with torch.no_grad():
        estimate = model(validation.clips)
        terms = loss(estimate, validation.clips)
    assert measured["mse"] == pytest.approx(terms["mse"].item(), rel=1e-5), "batches of 2, 2 and 1 count by their size"
    assert measured["loss"] == pytest.approx(loss.total(terms).item(), rel=1e-5)
    assert measured["nmse"] == pytest.approx(nmse(validation.clips, estimate).median().item(), rel=1e-5)
    assert measured["si_snr"] == pytest.approx(si_snr(validation.clips, estimate).median().item(), rel=1e-4)


@pytest.mark.parametrize("make", [make_model, make_local])
def test_scores_do_not_depend_on_how_many_clips_are_played_at_once(make):
    """Of a local model, either: which position of the rate knob a clip gets follows from its number among them all."""
    model, loss = make(), ReconstructionLoss("smooth_l1", RATE)
    whole, *others = (Validation(make_store(1), 256, 16, size).measure(model, loss) for size in (16, 1, 3, 5))
    for measured in others:
        assert measured == pytest.approx(whole, rel=1e-4)


def test_a_validation_draws_no_random_number_and_leaves_the_mode_as_it_was():
    """An interrupted run has one validation more than another, and is to learn the same from there on."""
    model, loss = make_local().train(), ReconstructionLoss("smooth_l1", RATE)
    validation, state, modes = Validation(make_store(), 256, 8, 4), torch.get_rng_state(), []
    model.register_forward_pre_hook(lambda model, _: modes.append(model.training))
    first, second = (validation.examples(model) for _ in range(2))
    validation.measure(model, loss)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[1], second[1])
    assert modes == [False] * 4, "of which two are batches of the score"
    assert model.training
    with pytest.raises(ZeroDivisionError):
        validation.measure(model, lambda estimate, reference: {"term": 1 / 0})
    assert model.training


def test_an_example_sounds_as_it_was_scored():
    model, validation = make_local().train(), Validation(make_store(), 256, 8, 4)
    heard = []

    def listen(estimate, reference):
        heard.append(estimate)
        return {}

    listen.weights = {}
    validation.measure(model, listen)
    torch.testing.assert_close(validation.examples(model, 4)[1], torch.cat(heard)[::2])
