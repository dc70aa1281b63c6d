"""Evaluation: a perfect model scores perfectly, silence does not, and recordings are spread over the store."""

import pytest
import torch

from hypersound_lib.coords import clip_duration
from hypersound_lib.data import build_store, load_dataset
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import evaluate, spread_recordings
from hypersound_lib.model_config import HyperSoundConfig

RATE, LENGTH = 8000, 512


class Recorder(torch.nn.Module):
    """A model that plays back what it heard, louder or softer; its target network is the clip itself."""

    def __init__(self, gain):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.config = HyperSoundConfig(sample_rate=RATE, num_samples=LENGTH)
        self.duration = clip_duration(LENGTH, RATE)

    def encode(self, waveform):
        return {"clip": waveform}

    def decode(self, params, num_samples=None, sample_rate=None, start=0):
        assert sample_rate in (None, RATE)
        return self.gain * params["clip"]


@pytest.fixture(scope="module")
def store():
    return build_store(load_dataset("mini", "test").recordings[:6], RATE, normalize=True)


def test_a_perfect_copy_scores_perfectly_and_half_the_amplitude_does_not(store):
    sounds = spread_recordings(store, 2, seconds=2.0)
    perfect = evaluate(Recorder(1.0), sounds, RATE)
    assert perfect["stoi"] == pytest.approx(1, abs=1e-3)
    assert perfect["nmse"] < 1e-10
    assert perfect["lsd"] < 1e-3
    assert perfect["si_snr"] > 100
    assert perfect["recordings"] == 2
    softer = evaluate(Recorder(0.5), sounds, RATE)
    assert softer["nmse"] == pytest.approx(0.25, rel=1e-4), "NMSE hears the level"
    assert softer["si_snr"] > 100, "SI-SNR does not"
    assert softer["lsd"] == pytest.approx(2 * torch.log10(torch.tensor(2.0)).item(), rel=0.1)


def test_the_models_mode_is_restored(store):
    model = Recorder(1.0).train()
    evaluate(model, spread_recordings(store, 1, seconds=2.0), RATE)
    assert model.training


def test_recordings_are_the_first_the_last_and_even_ones_between(store):
    sounds = spread_recordings(store, 3, seconds=0.5)
    for sound, index in zip(sounds, (0, 2, 5), strict=True):
        assert torch.equal(sound, store.read(index, 0, RATE // 2))
    assert len(spread_recordings(store, 100)) == len(store)


def test_nothing_to_evaluate_is_refused(store):
    with pytest.raises(ConfigError, match="empty"):
        evaluate(Recorder(1.0), [], RATE)
    for count, seconds in ((0, 1.0), (1, 0.0)):
        with pytest.raises(ConfigError, match="at least one"):
            spread_recordings(store, count, seconds)
