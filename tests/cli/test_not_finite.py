"""NaN, Inf and sounds that overflow never pass for silence: each command says what is wrong and writes nothing."""

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, resample, save_audio
from hypersound_lib.errors import AudioFileError, ConfigError, WeightsFileError
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import INR_CONFIGS, build_inr
from tests.local.small import RATE, make_model, sound


def spoil(path, value):
    """Put a value into one weight of a file."""
    tensors = load_file(path)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name].view(-1)[0] = value
    save_file(tensors, path, {"format": "pt"})


@pytest.fixture
def folder(tiny, tmp_path, monkeypatch):
    """A working folder with a model of each kind, a recording, its compressed form, and a too loud recording."""
    monkeypatch.chdir(tmp_path)
    make_model().save_pretrained("local")
    HyperSound(tiny).save_pretrained("global")
    save_audio("voice.wav", sound(RATE), RATE)
    loud = np.resize(np.array([3e38, -3e38, -3e38], np.float32), 3000)
    soundfile.write("loud.wav", loud, 44100, subtype="FLOAT")
    soundfile.write("loud2.wav", np.stack([loud, loud], axis=1), RATE, subtype="FLOAT")
    assert main(["compress", "voice.wav", "voice.hs", "--model", "local", "--quality", "5"]) == 0
    return tmp_path


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "command",
    [
        ["compress", "voice.wav", "x.hs", "--model", "local"],
        ["decompress", "voice.hs", "x.wav", "--model", "local"],
        ["reconstruct", "local", "voice.wav", "x.wav"],
        ["reconstruct", "global", "voice.wav", "x.wav"],
        ["evaluate", "--model", "global", "--data", ".", "--json", "x.json"],
    ],
)
def test_weights_that_are_not_finite(folder, capsys, command, value):
    for kind in ("local", "global"):
        spoil(folder / kind / "model.safetensors", value)
    assert main(command) == 2
    assert "holds NaN or Inf" in capsys.readouterr().err
    assert not list(folder.glob("x.*"))


@pytest.mark.parametrize("name", ["loud.wav", "loud2.wav"])
@pytest.mark.parametrize(
    "command",
    [
        ["compress", "{}", "x.hs", "--model", "local"],
        ["reconstruct", "local", "{}", "x.wav"],
        ["reconstruct", "global", "{}", "x.wav"],
        ["fit", "{}", "--sample-rate", "16000", "--out", "x.folder"],
    ],
)
def test_sounds_that_overflow(folder, capsys, command, name):
    assert main([word.format(name) for word in command]) == 2
    assert f"{name}: sample 0 is 3e+38, where full scale is 1" in capsys.readouterr().err
    assert not list(folder.glob("x.*"))


def test_the_library_refuses_them_too(folder, tmp_path):
    with pytest.raises(AudioFileError, match="sample 0 is 3e"):
        load_audio("loud.wav", 16000)
    with pytest.raises(ConfigError, match="at 16000 Hz the sound is not finite"):
        resample(torch.tensor([3e38, -3e38, -3e38]).repeat(100), 44100, 16000)
    model = make_model()
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = torch.nan
    with pytest.raises(ConfigError, match="holds NaN or Inf"):
        model.compress(sound(RATE), RATE)
    with pytest.raises(ConfigError, match="holds NaN or Inf; nothing was saved"):
        model.save_pretrained("again")
    assert not (folder / "again").exists()


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_an_inr_that_is_not_finite_is_neither_saved_loaded_nor_rendered(folder, capsys, value):
    represented = FittedSound(build_inr(INR_CONFIGS["SIREN"](width=8)), RATE, 300)
    represented.save("sound.safetensors")
    with torch.no_grad():
        next(represented.inr.parameters()).view(-1)[0] = value
    with pytest.raises(ConfigError, match="holds NaN or Inf; nothing was saved"):
        represented.save("sound.safetensors")
    with pytest.raises(ConfigError, match="holds NaN or Inf; fit it again"):
        represented.render()
    content = (folder / "sound.safetensors").read_bytes()
    (folder / "sound.safetensors").write_bytes(content[:-4] + np.float32(value).tobytes())
    with pytest.raises(WeightsFileError, match="holds NaN or Inf"):
        FittedSound.load("sound.safetensors")
    assert main(["render", "sound.safetensors", "x.wav"]) == 2
    assert not (folder / "x.wav").exists()
