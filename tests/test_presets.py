"""Presets: the paper's numbers, and a tutorial model that its own loss and target can serve."""

import pytest
import torch

from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.inr import BASE, LARGE, SMALL, SIRENConfig, build_inr
from hypersound_lib.losses import LOSSES, ReconstructionLoss
from hypersound_lib.presets import PRESETS, preset

GLOBAL = [name for name in PRESETS if name != "local"]
PAPER = ["paper-base", "paper-small", "paper-large", "paper-siren"]


def test_there_is_a_preset_for_each_model_of_the_paper_one_for_a_t4_two_for_a_laptop_and_a_local_one():
    assert set(PRESETS) == {*PAPER, "t4", "tutorial", "hypersound-small", "local"}
    for name in PRESETS:
        assert preset(name) is PRESETS[name]
        assert preset(name).summary
        assert isinstance(hash(preset(name)), int), "nothing in it can be changed"
    targets = [preset(name).model.target for name in PAPER]
    assert targets == [BASE, SMALL, LARGE, SIRENConfig(hidden_layers=4, width=256)]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_presets_have_the_papers_numbers(name):
    model, training = preset(name).model, preset(name).training
    assert (model.sample_rate, model.num_samples, model.shared) == (22050, 32768, ())
    assert model.encoder == EncoderConfig(
        base_channels=16, strides=(2, 4, 5, 8), dilations=(1, 3, 9), kernel_size=7, embedding_size=32
    )
    assert model.hypernetwork.hidden == (400, 768, 768, 768, 768, 400)
    assert (training.steps, training.batch_size, training.learning_rate) == (1_250_000, 16, 5e-5)
    assert (training.schedule, training.warmup_steps, training.augment) == ("constant", 0, "paper")
    assert training.loss == LOSSES["l1+mel"]  # whose numbers tests/losses has
    assert training.loss.n_mels == 128


def test_the_t4s_preset_is_the_papers_small_model_and_loss_on_clips_of_more_than_a_second():
    model, training, paper = preset("t4").model, preset("t4").training, preset("paper-small")
    assert model == paper.model
    assert model.num_samples > model.sample_rate
    assert training.loss == paper.training.loss
    assert training.steps * training.batch_size < 0.02 * paper.training.steps * paper.training.batch_size


@pytest.mark.parametrize("name", GLOBAL)
def test_a_summary_tells_the_number_of_generated_weights_truly(name):
    model = preset(name).model
    with torch.device("meta"):
        target = build_inr(model.target)
    count = sum(p.numel() for key, p in target.named_parameters() if key not in model.shared)
    if "generated weights" in preset(name).summary:
        assert f"{count:,} generated weights".replace(",", " ") in preset(name).summary


@pytest.mark.parametrize("name", PRESETS)
def test_every_presets_loss_can_score_its_clips(name):
    model, training = preset(name).model, preset(name).training
    loss = ReconstructionLoss(training.loss, model.sample_rate)
    assert loss.min_samples <= model.num_samples
    clips = torch.randn(1, model.num_samples, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(loss.total(loss(clips, clips.roll(5))))


@pytest.mark.parametrize("name", GLOBAL)
def test_no_targets_frequency_lies_above_the_nyquist_frequency(name):
    model = preset(name).model
    target = build_inr(model.target)
    nyquist = model.num_samples / 2  # cycles per clip
    if isinstance(model.target, SIRENConfig):
        assert model.target.omega_0 * target.layers[0].weight.abs().max() / (2 * torch.pi) <= nyquist
    else:
        assert target.embedding.frequencies.max() <= nyquist
