"""Checkpoints: the latest few and the best are kept, whole or not at all, without code."""

import json

import pytest
import torch

from hypersound_lib.errors import WeightsFileError
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.training.checkpoint import Checkpoints
from hypersound_lib.training.state import TrainingState

from .tiny import are_equal, changed, make_model, make_store, run_training


def make_state(steps=3):
    state = TrainingState(make_model(), changed())
    clips = torch.stack([make_store().read(0, 256 * i, 256) for i in range(4)])
    for _ in range(steps):
        (state.model(clips) - clips).square().mean().backward()
        state.update_weights()
    return state


def test_a_state_comes_back_bit_for_bit(tmp_path):
    state = make_state()
    state.best_score, state.seconds = 0.25, 12.5
    Checkpoints(tmp_path, 2).save(state)
    expected = torch.rand(3)
    loaded = TrainingState(make_model(seed=9), changed())
    assert Checkpoints(tmp_path, 2).load_latest(loaded) == tmp_path / "step-00000003"
    assert torch.equal(torch.rand(3), expected), "random numbers go on where they were"
    assert (loaded.step, loaded.seconds, loaded.best_score) == (3, 12.5, 0.25)
    assert are_equal(loaded.model.state_dict(), state.model.state_dict())
    assert all(torch.equal(loaded.average[name], state.average[name]) for name in state.average)
    for p, q in zip(loaded.model.parameters(), state.model.parameters(), strict=True):
        assert are_equal(loaded.optimizer.state[p], state.optimizer.state[q])


def test_what_never_had_a_gradient_has_no_state_to_come_back(tmp_path):
    """A parameter may be frozen, and in float16 the first updates may all be skipped."""
    state = TrainingState(make_model(), changed())
    state.update_weights(skip=True)
    Checkpoints(tmp_path / "skipped", 2).save(state)
    other = make_state()
    Checkpoints(tmp_path / "skipped", 2).load_latest(other)
    assert (other.step, dict(other.optimizer.state)) == (1, {})

    state = TrainingState(make_model(), changed())
    frozen = [p.requires_grad_(False) for p in state.model.encoder.parameters()]
    state.model(make_store().read(0, 0, 256)[None]).square().mean().backward()
    state.update_weights()
    Checkpoints(tmp_path / "frozen", 2).save(state)
    other = make_state()
    Checkpoints(tmp_path / "frozen", 2).load_latest(other)
    assert 0 < len(other.optimizer.state) == len(list(state.model.parameters())) - len(frozen)
    for p, q in zip(other.model.parameters(), state.model.parameters(), strict=True):
        assert are_equal(other.optimizer.state.get(p, {}), state.optimizer.state.get(q, {}))


@pytest.mark.parametrize("change", ["a part is missing", "no such parameter", "another format", "another model"])
def test_a_checkpoint_of_something_else_is_refused(tmp_path, monkeypatch, change):
    state, other, message = make_state(), make_state(), r"cannot go on from here \(the optimiser has \["
    tensors = state.training_tensors()
    if change == "a part is missing":
        del tensors["optimizer.step." + next(name for name, _ in state.model.named_parameters())]
    elif change == "no such parameter":
        tensors["optimizer.step.ghost"] = torch.tensor(1.0)
    elif change == "another format":
        state.format, message = 99, "format 99, this library reads 1"
    else:
        other, message = TrainingState(torch.nn.Linear(2, 2), changed()), "another model"
    monkeypatch.setattr(TrainingState, "training_tensors", lambda _: tensors)
    Checkpoints(tmp_path, 2).save(state)
    with pytest.raises(WeightsFileError, match=f"(?s)step-00000003: .*{message}"):
        Checkpoints(tmp_path, 2).load_latest(other)


def test_an_average_that_begins_later_begins_with_the_weights_of_then(tmp_path):
    state = TrainingState(make_model(), changed(ema_decay=0.0))
    Checkpoints(tmp_path, 2).save(state)
    later = TrainingState(make_model(seed=9), changed(ema_decay=0.9))
    Checkpoints(tmp_path, 2).load_latest(later)
    assert later.average
    assert all(torch.equal(p, later.average[name]) for name, p in state.model.named_parameters())


def test_only_the_latest_are_kept_and_nothing_but_tensors_and_json(tmp_path):
    state, checkpoints = make_state(), Checkpoints(tmp_path, 2)
    (tmp_path / ".writing-of-a-killed-process").mkdir()
    for step in (3, 4, 5):
        state.step = step
        checkpoints.save(state)
    assert [path.name for path in checkpoints.saved()] == ["step-00000004", "step-00000005"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000004", "step-00000005"]
    files = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {".safetensors", ".json"}


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def change(path, **numbers):
    path.write_text(json.dumps(json.loads(path.read_text()) | numbers))


DAMAGES = {
    "a bit of a weight": lambda path: flip(path / "model.safetensors", -1),
    "a bit of the optimiser": lambda path: flip(path / "training.safetensors", -1),
    "another score": lambda path: change(path / "state.json", best_score=0.125),
    "no hashes": lambda path: (path / "state.json").write_text('{"format": 1, "step": 5, "seconds": 1.0}'),
    "no numbers": lambda path: (path / "state.json").write_text("null"),
    "deep": lambda path: (path / "state.json").write_text("[" * 100_000),
    "half a file of numbers": lambda path: (path / "state.json").write_text('{"format": 1'),
    "a missing file": lambda path: (path / "training.safetensors").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_left_for_the_checkpoint_before(tmp_path, damage):
    state, checkpoints = make_state(), Checkpoints(tmp_path, 2)
    checkpoints.save(state)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    with torch.no_grad():
        next(state.model.parameters()).add_(1)
    state.step = 5
    DAMAGES[damage](checkpoints.save(state))
    with pytest.warns(UserWarning, match="step-00000005 is damaged .* renamed to damaged-step-00000005"):
        assert checkpoints.load_latest(state) == tmp_path / "step-00000003"
    assert state.step == 3
    assert are_equal(state.model.state_dict(), before)
    state.step = 5
    path = checkpoints.save(state)  # the damaged one is not in the way
    assert checkpoints.load_latest(state) == path == tmp_path / "step-00000005"
    for path in checkpoints.saved():
        DAMAGES[damage](path)
    refused = pytest.raises(WeightsFileError, match="step-00000003: cannot go on from here")
    with pytest.warns(UserWarning, match="step-00000005 is damaged"), refused:
        checkpoints.load_latest(state)


def test_the_best_weights_are_the_averaged_ones_of_the_lowest_validation_loss(tmp_path, monkeypatch):
    scores = iter([3.0, 1.0, 2.0])
    averages = []

    def measure(self, model, loss):
        averages.append([p.detach().clone() for p in model.parameters()])
        return {"loss": next(scores), "nmse": 1.0}

    monkeypatch.setattr("hypersound_lib.training.base_run.Validation.measure", measure)
    run_training(tmp_path, steps=15, validate_every=5)
    best = HyperSound.from_pretrained(tmp_path)
    assert best.facts["step"] == 10
    assert all(torch.equal(a, b) for a, b in zip(averages[1], best.parameters(), strict=True))
