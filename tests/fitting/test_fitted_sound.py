"""A fitted sound: any rate, any chunking, and a file that tells when it is damaged."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from hypersound_lib.coords import time_coords
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.fitting.fitted_sound import FittedSound
from tests.inr.small import CONFIGS, make


def sound(kind="fourier"):
    return FittedSound(make(kind).float(), sample_rate=16000, num_samples=1000, gain=0.5)


def test_own_rate_is_the_network_on_its_grid_times_the_gain():
    expected = 0.5 * sound().inr(time_coords(1000)).detach()
    torch.testing.assert_close(sound().render(), expected)


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
@pytest.mark.parametrize("size", [1, 7, 999, 2048])
def test_chunks_do_not_change_the_result(rate, size, monkeypatch):
    whole = sound().render(rate)
    monkeypatch.setattr("hypersound_lib.fitting.fitted_sound.CHUNK", size)
    torch.testing.assert_close(sound().render(rate), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_multiple_of_the_rate_passes_through_the_old_samples(factor):
    torch.testing.assert_close(sound().render(16000 * factor)[::factor], sound().render(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("num_samples", "rate", "message"),
    [(2**28, 1_000_000, r"at 1000000 Hz the sound has \d+ samples, more than 268435456"), (1000, 0, "positive")],
)
def test_more_samples_than_memory_has_and_no_rate_are_refused(num_samples, rate, message):
    with pytest.raises(ConfigError, match=message):
        FittedSound(sound().inr, 100, num_samples).render(rate)


@pytest.mark.parametrize("kind", CONFIGS)
def test_saved_and_loaded_sounds_are_the_same(tmp_path, kind):
    path = tmp_path / "sound.safetensors"
    sound(kind).save(path)
    again = FittedSound.load(path)
    assert torch.equal(again.render(22050), sound(kind).render(22050))
    assert (again.sample_rate, again.num_samples, again.gain) == (16000, 1000, 0.5)
    assert again.inr.config == CONFIGS[kind]


def rewrite(path, change):
    """Save again with a changed description or changed tensors."""
    sound().save(path)
    tensors = load_file(path)
    description = {"kind": "FourierMLP", "config": {}, "sample_rate": 16000, "num_samples": 1000, "gain": 0.5}
    description["config"] = {"hidden_layers": 2, "width": 8, "num_octaves": 5, "num_frequencies": 0}
    change(description, tensors)
    save_file(tensors, path, {"format": "hypersound_lib.represented_sound/1", "sound": json.dumps(description)})


def test_rewriting_still_loads_and_a_gain_may_be_any_number_that_json_holds(tmp_path):
    rewrite(tmp_path / "s.safetensors", lambda description, tensors: description.update(gain=10**20))
    again = FittedSound.load(tmp_path / "s.safetensors")
    assert again.num_samples == 1000
    assert again.render().isfinite().all()


HUGE = ({"width": 10**9}, {"hidden_layers": 10**9})  # must be refused before they are allocated, or built
SIZES = (*HUGE, {"width": 9}, {"num_octaves": 0, "num_frequencies": 4}, {"colour": "red"})


@pytest.mark.parametrize(
    "change",
    [
        lambda d, t: d.update(kind="os.system"),
        lambda d, t: d.pop("gain"),
        lambda d, t: t.pop("layers.0.bias"),
        *(lambda d, t, sizes=sizes: d["config"].update(sizes) for sizes in SIZES),
        *(lambda d, t, rate=rate: d.update(sample_rate=rate) for rate in (10**30, -1)),
        *(lambda d, t, count=count: d.update(num_samples=count) for count in (10**12, 1000.5, True, "many")),
        *(lambda d, t, gain=gain: d.update(gain=gain) for gain in (10**400, "0.5", [-1], float("inf"))),
    ],
)
def test_description_and_weights_that_do_not_fit_are_refused(tmp_path, change):
    path = tmp_path / "s.safetensors"
    rewrite(path, change)
    with pytest.raises(WeightsFileError, match=r"s\.safetensors"):
        FittedSound.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-10]), "not a whole safetensors file"),
        (lambda path: path.write_bytes(b"RIFF not weights at all"), "not a whole safetensors file"),
        (lambda path: save_file({"weight": torch.zeros(1)}, path), "something else"),
    ],
    ids=["missing", "truncated", "no weights", "other weights"],
)
def test_missing_truncated_and_foreign_files_are_refused(tmp_path, change, message):
    path = tmp_path / "s.safetensors"
    sound().save(path)
    change(path)
    with pytest.raises(WeightsFileError, match=message):
        FittedSound.load(path)
