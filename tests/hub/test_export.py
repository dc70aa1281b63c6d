"""Exported graphs give what the models' own methods give, and hold no weights that they do not need."""

from fractions import Fraction

import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.hub.export import export_programs, save_programs
from hypersound_lib.local.target import GUARD, LocalINR
from hypersound_lib.local.waves import lapped_waves
from tests.local.small import CONFIG
from tests.test_models import small


def flat(code):
    return list(code.values()) if isinstance(code, dict) else [code]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("HyperSound", {"sample_rate": 44100}),
        ("LocalHyperSound", {"knob": 255, "num_samples": CONFIG.packet * CONFIG.hop + 70, "sample_rate": 11025}),
    ],
)
def test_graphs_that_were_written_and_read_give_what_the_model_gives(kind, settings, tmp_path):
    model = small(kind)
    programs = export_programs(model, **settings)
    assert all(".target." in name for name in programs["decode"].state_dict), "decode has no weights of the encoder"
    sizes = save_programs(programs, tmp_path)
    encode, decode = (torch.export.load(tmp_path / f"{name}.pt2").module() for name in sizes)
    count = settings.get("num_samples", model.config.num_samples)
    waveform = 0.1 * torch.randn(1, count, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        code = model.encode(waveform, settings["knob"]) if "knob" in settings else model.encode(waveform)
        for exported, own in zip(flat(encode(waveform)), flat(code), strict=True):
            torch.testing.assert_close(exported, own)
        played = decode(code)
        rate = settings.get("sample_rate", model.config.sample_rate)
        torch.testing.assert_close(played, model.decode(code, played.shape[-1], rate))
    assert played.shape[-1] == -(-count * rate // model.config.sample_rate)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("RAVE", {}, "a RAVE cannot be exported"),
        ("HyperSound", {"knob": 3}, "no rate knob: leave knob=3 out"),
        ("HyperSound", {"num_samples": 7}, "clips"),
        ("HyperSound", {"sample_rate": 0}, "0"),
        ("LocalHyperSound", {"knob": 256}, "not 256"),
        ("LocalHyperSound", {"num_samples": 0}, "0 samples"),
        ("LocalHyperSound", {"sample_rate": 1}, "rate"),
    ],
)
def test_what_cannot_be_exported_is_refused(kind, settings, message):
    with pytest.raises(ConfigError, match=message):
        export_programs(small(kind), **settings)


def test_at_any_rate_as_many_waves_are_played_as_lie_below_the_guard():
    """What is counted in closed form is what the frequencies say."""
    for hop in (16, 320, CONFIG.hop):
        for samples in (Fraction(n, 7) for n in range(63, 14 * hop, 1 + hop // 4)):
            lower = min(float(samples), hop)
            expected = int((lapped_waves(hop)[0] <= lower / 2 - GUARD).sum())
            if samples != hop and expected:
                assert LocalINR(hop)._playable(samples) == expected
