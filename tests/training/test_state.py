"""The state: the average follows its recurrence, and becomes the weights in the end."""

import torch

from hypersound_lib.training.state import TrainingState, learning_rate_factor

from .tiny import changed, make_model


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


def test_the_average_is_in_a_copy_that_leaves_the_model_alone_and_is_kept_in_the_end():
    state = TrainingState(make_model(), changed(ema_decay=0.5))
    for value in state.average.values():
        value.fill_(7.0)
    own = {name: value.clone() for name, value in state.model.state_dict().items()}
    averaged = state.averaged()
    assert all(bool((p == 7).all()) for p in averaged.parameters())
    for value in averaged.buffers():
        value.zero_()
    assert all(torch.equal(own[name], value) for name, value in state.model.state_dict().items())
    state.keep_average()
    assert all(bool((p == 7).all()) for p in state.model.parameters())


def test_a_constant_schedule_is_constant_after_the_warm_up():
    config = changed(schedule="constant", warmup_steps=2)
    assert [learning_rate_factor(step, config) for step in range(5)] == [0.5, 1, 1, 1, 1]
