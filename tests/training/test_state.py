"""The state: the average follows its recurrence, and stands in for the weights only for a while."""

import torch

from hypersound_lib.training.state import TrainingState, learning_rate_factor

from .tiny import are_equal, changed, make_model


def test_the_average_follows_its_recurrence():
    state = TrainingState(make_model(), changed(ema_decay=0.9))
    parameter = next(state.model.parameters())
    expected = parameter.detach().clone()
    for step in range(30):
        for p in state.model.parameters():
            p.grad = torch.ones_like(p)
        state.update_weights()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(next(iter(state.average.values())), expected)


def test_the_average_takes_the_weights_place_and_leaves_it_again():
    state = TrainingState(make_model(), changed(ema_decay=0.5))
    for value in state.average.values():
        value.fill_(7.0)
    everything = dict(state.model.named_parameters()) | dict(state.model.named_buffers())
    own = {name: value.detach().clone() for name, value in everything.items()}
    assert list(state.model.buffers())
    with state.averaged():
        assert all(bool((p == 7).all()) for p in state.model.parameters())
        for value in state.model.buffers():
            value.zero_()
    assert are_equal(everything, own), "buffers that changed meanwhile, too"
    state.keep_average()
    assert all(bool((p == 7).all()) for p in state.model.parameters())


def test_a_constant_schedule_is_constant_after_the_warm_up():
    config = changed(schedule="constant", warmup_steps=2)
    assert [learning_rate_factor(step, config) for step in range(5)] == [0.5, 1, 1, 1, 1]
