"""The adapter for exported models: finds rate and block, plays any sound, refuses what is no RAVE."""

import pytest
import torch
from torch import nn

from hypersound_lib.baselines.rave import TorchScriptRAVE
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.evaluation import load_system

BLOCK = 64

# TorchScript is deprecated, but the models that exist are exported in it.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Toy(nn.Module):
    """Averages pairs of samples and repeats each mean; it wants whole blocks, as RAVE does."""

    def __init__(self, rate: int = 8000):
        super().__init__()
        self.sampling_rate = rate
        self.register_buffer("encode_params", torch.tensor([1, 1, 2, BLOCK]))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        assert x.ndim == 3, "one batch, one channel"
        assert x.shape[-1] % 64 == 0, "whole blocks"
        return x.unflatten(-1, [x.shape[-1] // 2, 2]).mean(dim=-1)

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.repeat_interleave(2, dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


class OnlyForward(nn.Module):
    """Has no codec and states its rate in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("sr", torch.tensor(8000))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], dim=1)


class Classifier(nn.Module):
    """No model of sound."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 2))


def exported(module, path):
    torch.jit.script(module).save(str(path))
    return path


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return TorchScriptRAVE(exported(Toy(), tmp_path_factory.mktemp("toy") / "toy.ts"))


def test_rate_and_block_are_found(toy, tmp_path):
    assert (toy.sample_rate, toy.block_size, toy.theta_per_second) == (8000, BLOCK, 2 * 8000 / BLOCK)
    silent = TorchScriptRAVE(exported(OnlyForward(), tmp_path / "sr.ts"))
    assert (silent.sample_rate, silent.theta_per_second) == (8000, None)
    assert TorchScriptRAVE(toy.path, sample_rate=11025).sample_rate == 11025


@pytest.mark.parametrize("count", [2, 63, 64, 1000])
def test_it_plays_sounds_of_any_length(toy, count):
    waveform = 0.25 * torch.randn(count, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(waveform, (0, count % 2))
    expected = padded.view(-1, 2).mean(dim=-1).repeat_interleave(2)[:count]
    torch.testing.assert_close(toy.reconstruct(waveform, 8000), expected)


@pytest.mark.parametrize(
    ("rate", "output_rate", "length"), [(16000, None, 500), (8000, 22050, 2756), (44100, 44100, 1000)]
)
def test_rates_are_converted(toy, rate, output_rate, length):
    assert toy.reconstruct(torch.linspace(0.1, 1, 1000), rate, output_rate).shape == (length,)


def test_it_is_evaluated_by_its_file(toy):
    system = load_system(str(toy.path))
    assert (system.name, system.sample_rate, system.theta_per_second) == ("toy", 8000, toy.theta_per_second)
    assert torch.equal(system.reconstruct(torch.ones(100), 8000, 8000), toy.reconstruct(torch.ones(100), 8000))


def test_silence_stays_silence(toy):
    assert torch.equal(toy.reconstruct(torch.zeros(99), 8000), torch.zeros(99))


def test_channels_become_one(tmp_path):
    model = TorchScriptRAVE(exported(OnlyForward(), tmp_path / "stereo.ts"))
    waveform = torch.linspace(-1, 1, 300)
    torch.testing.assert_close(model.reconstruct(waveform, 8000), waveform)


def test_what_is_no_rave_is_refused(toy, tmp_path):
    with pytest.raises(WeightsFileError, match="no such file"):
        TorchScriptRAVE(tmp_path / "missing.ts")
    (tmp_path / "text.ts").write_text("hello")
    with pytest.raises(WeightsFileError, match="no TorchScript file"):
        TorchScriptRAVE(tmp_path / "text.ts")
    classifier = exported(Classifier(), tmp_path / "classifier.ts")
    with pytest.raises(ConfigError, match="states no sample rate"):
        TorchScriptRAVE(classifier)
    with pytest.raises(WeightsFileError, match="which is no sound"):
        TorchScriptRAVE(classifier, sample_rate=8000).reconstruct(torch.ones(10), 8000)
    with pytest.raises(ConfigError, match="not 0"):
        TorchScriptRAVE(toy.path, sample_rate=0)
    with pytest.raises(ConfigError, match="NaN"):
        toy.reconstruct(torch.tensor([torch.nan]), 8000)
