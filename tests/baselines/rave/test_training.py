"""Training RAVE: it learns, it changes stage, and it resumes bit for bit."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hypersound_lib.baselines.rave import RAVE, train_rave
from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.training import read_log


def fresh(tiny, seed=0):
    torch.manual_seed(seed)
    return RAVE(tiny)


def run(tiny, store, config, out, **options):
    return train_rave(fresh(tiny), store, store, config, out, **({"cpu": True, "progress": False} | options))


@pytest.fixture(scope="module")
def straight(tiny, store, brief_training, tmp_path_factory):
    """Twelve steps without a break: the result, and its folder."""
    out = tmp_path_factory.mktemp("straight")
    return run(tiny, store, brief_training, out), out


def test_both_stages_leave_logs_and_weights(straight, brief_training):
    result, out = straight
    assert (result.step, result.stop_reason) == (12, "steps")
    log = read_log(out / "train.csv")
    assert log["step"] == list(range(1, 13))
    assert log["stage"] == [1] * 6 + [2] * 6
    assert all(value == 0 for value in log["discriminator"][:6])
    assert all(value > 0 for value in log["discriminator"][6:])
    assert all(value > 0 for value in log["spectral"] + log["kl"])
    assert log["learning_rate"] == sorted(log["learning_rate"], reverse=True)
    validation = read_log(out / "validation.csv")
    assert validation["step"] == [6, 12]
    assert math.isclose(validation["spectral"][-1], result.validation["spectral"], rel_tol=1e-4)
    assert [path.name for path in sorted((out / "checkpoints").iterdir())] == ["step-00000008", "step-00000012"]


def test_the_last_weights_are_there_to_load(straight):
    result, out = straight
    sound = 0.1 * torch.randn(1, 500, generator=torch.Generator().manual_seed(0))
    assert torch.equal(RAVE.from_pretrained(out / "model")(sound), result.model(sound))
    best = RAVE.from_pretrained(out / "best").facts["validation"]["spectral"]
    assert math.isclose(best, min(read_log(out / "validation.csv")["spectral"]), rel_tol=1e-4)


@pytest.mark.slow
def test_the_encoder_is_frozen_and_the_noise_joins_in_when_it_is_time(tiny, store, brief_training, tmp_path):
    often = dataclasses.replace(brief_training, noise_fraction=0.75, checkpoint_every=1, keep_checkpoints=12)
    run(tiny, store, often, tmp_path)
    at = {n: load_file(tmp_path / f"checkpoints/step-{n:08d}/model.safetensors") for n in (1, 6, 9, 10, 12)}
    changed = {name for name in at[6] if not torch.equal(at[6][name], at[12][name])}
    assert not {name for name in changed if name.startswith(("model.encoder", "model.pqmf"))}
    assert {name for name in at[6] if name.startswith("model.decoder.") and "noise_gain" not in name} <= changed
    noise = [name for name in at[1] if name.startswith("model.decoder.noise.")]
    assert [at[n]["model.decoder.noise_gain"].item() for n in (1, 9, 10)] == [0, 0, 1]
    assert all(torch.equal(at[1][name], at[9][name]) for name in noise)
    assert not any(torch.equal(at[9][name], at[10][name]) for name in noise)


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [4, 8], ids=["in stage 1", "in stage 2"])
def test_a_resumed_training_equals_one_without_a_break(straight, tiny, store, brief_training, tmp_path, stop_at):
    """A run whose process died after the checkpoint is one whose later checkpoints never came to be."""
    whole = straight[1]
    saving_more = dataclasses.replace(brief_training, keep_checkpoints=9)
    run(tiny, store, saving_more, tmp_path)
    for path in (tmp_path / "checkpoints").iterdir():
        if int(path.name.removeprefix("step-")) > stop_at:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
    torch.manual_seed(99)  # another process
    before = json.loads((tmp_path / f"checkpoints/step-{stop_at:08d}/state.json").read_text())["seconds"]
    result = train_rave(fresh(tiny, seed=5), store, store, saving_more, tmp_path, resume=True, cpu=True, progress=False)
    assert result.step == 12
    assert result.seconds > before, "time counts over all sessions"
    for file in ("model.safetensors", "training.safetensors"):
        ours, theirs = (load_file(folder / "checkpoints/step-00000012" / file) for folder in (tmp_path, whole))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), file
    rows, reference = (read_log(folder / "train.csv") for folder in (tmp_path, whole))
    assert rows["step"] == list(range(1, 13)), "each step once"
    assert rows["spectral"] == reference["spectral"]


@pytest.mark.slow
def test_sixty_steps_lower_the_loss(tiny, store, brief_training, tmp_path):
    config = dataclasses.replace(
        brief_training, steps=60, stage_1_fraction=1.0, learning_rate=3e-3, validate_every=60, checkpoint_every=60
    )
    run(tiny, store, config, tmp_path)
    spectral = read_log(tmp_path / "train.csv")["spectral"]
    assert np.mean(spectral[-10:]) < 0.8 * np.mean(spectral[:5])


def test_nan_stops_it_before_it_reaches_the_weights(tiny, store, brief_training, tmp_path):
    model = fresh(tiny)
    with torch.no_grad():
        model.decoder.waveform.bias.fill_(torch.nan)
    weights = {name: p.clone() for name, p in model.encoder.named_parameters()}
    with pytest.raises(TrainingError, match=r"step 1, stage 1: spectral is nan.*no checkpoint yet"):
        train_rave(model, store, store, brief_training, tmp_path, cpu=True, progress=False)
    assert all(torch.equal(weights[name], p) for name, p in model.encoder.named_parameters())


def test_an_unknown_schedule_is_refused(brief_training):
    with pytest.raises(ConfigError, match="not 'linear'"):
        dataclasses.replace(brief_training, schedule="linear")
