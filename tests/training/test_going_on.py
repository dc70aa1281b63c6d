"""Going on: a run that was interrupted learns the same, and scores compare only with scores of the same."""

import json
import math
import signal

import pytest
import torch
from safetensors.torch import load_file

from hypersound_lib.losses import LossConfig
from hypersound_lib.models import load_model
from hypersound_lib.training import read_log
from hypersound_lib.training.run import Run
from hypersound_lib.training.validation import Validation
from tests.local.small import make_model as make_local

from .tiny import are_equal, make_model, make_store, run_training


def tables_of(model):
    return {name: value.clone() for name, value in model.named_buffers() if name.endswith("frequencies")}


@pytest.mark.parametrize("make", [make_model, make_local])
def test_ctrl_c_finishes_the_step_saves_and_resumes_to_the_same_result(tmp_path, monkeypatch, make):
    """The validation at the interruption, which the other run does not have, leaves no trace."""
    straight = run_training(tmp_path / "straight", make(seed=0).train())
    log_step = Run.log_step

    def interrupted(self, values):
        log_step(self, values)
        if self.state.step == 7:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "log_step", interrupted)
        result = run_training(tmp_path / "run", make(seed=0).train())
    assert (result.stop_reason, result.step) == ("interrupted", 7)
    assert signal.getsignal(signal.SIGINT) is handler
    assert (tmp_path / "run/checkpoints/step-00000007").is_dir()
    resumed = run_training(tmp_path / "run", make(seed=5).train(), resume=True)
    assert are_equal(resumed.model.state_dict(), straight.model.state_dict())


def test_a_local_model_has_the_tables_of_its_last_weights_and_its_best_ones_those_of_theirs(tmp_path, monkeypatch):
    """Whichever weights were the best, and whatever tables the model had, as one that was loaded has."""
    scores = iter([1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(Validation, "measure", lambda *_: {"loss": next(scores)})
    model = make_local()
    before = tables_of(model)
    settings = {"steps": 4, "validate_every": 1, "learning_rate": 0.1, "warmup_steps": 0, "schedule": "constant"}
    last = tables_of(run_training(tmp_path, model, checkpoint_every=2, **settings).model)
    saved = load_file(tmp_path / "checkpoints/step-00000002/model.safetensors")
    assert all(torch.equal(saved[name], before[name]) for name in before), "they do not depend on what was the best"
    best = load_model(tmp_path)
    assert best.facts["step"] == 1
    for tables, whose in ((last, model), (tables_of(best), best)):
        whose.entropy.freeze()
        assert all(torch.equal(tables[name], value) for name, value in tables_of(whose).items())
        assert any(not torch.equal(tables[name], value) for name, value in before.items())


def test_scores_of_another_loss_do_not_count_also_where_a_resuming_died_before_a_checkpoint(tmp_path, monkeypatch):
    """All that says what the scores are of must be as old as they are."""
    run_training(tmp_path, steps=2, loss=LossConfig("1e-3*mse"))
    heavier = {"steps": 4, "loss": LossConfig("1e3*mse"), "resume": True}
    with monkeypatch.context() as patch:
        patch.setattr(Run, "validate_and_save_if_due", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_training(tmp_path, **heavier)
    run_training(tmp_path, **heavier)
    assert load_model(tmp_path).facts["step"] == 4


def test_scores_of_other_clips_do_not_count_on_resuming(tmp_path, monkeypatch):
    scores = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(Validation, "measure", lambda *_: {"loss": next(scores)})
    run_training(tmp_path, steps=2)
    run_training(tmp_path, steps=3, resume=True)
    assert load_model(tmp_path).facts["step"] == 2, "the same clips: the lowest score counts"
    run_training(tmp_path, steps=4, resume=True, stores=(make_store(), make_store(2)))
    assert load_model(tmp_path).facts["step"] == 4


def test_a_run_goes_on_with_terms_that_it_did_not_have_and_again(tmp_path):
    run_training(tmp_path, steps=2, loss=LossConfig("smooth_l1"))
    (tmp_path / "training.json").write_text("[]")  # a note for others, which is not needed
    for steps in (3, 4):
        run_training(tmp_path, steps=steps, loss=LossConfig("mse"), resume=True)
    for name in ("train.csv", "validation.csv"):
        log = read_log(tmp_path / name)
        new = [step > 2 for step in log["step"]]
        assert [math.isnan(value) for value in log["smooth_l1"]] == new
        assert [not math.isnan(value) for value in log["mse"]] == new
    assert json.loads((tmp_path / "training.json").read_text())["steps"] == 4
