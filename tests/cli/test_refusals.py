"""What no command does: each error names value and remedy in a line, and leaves all files as they were.

Among these are inputs given as the output by another name, and NaN and Inf, which never pass for silence.
"""

import os
import shutil

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from hypersound_lib.cli import main
from hypersound_lib.data import resample, save_audio
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.fitting import FittedSound
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import INR_CONFIGS, build_inr
from tests.local.small import RATE, make_model, sound
from tests.training.tiny import MODEL


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a folder with models of each kind, recordings, a compressed and a fitted one."""
    folder = tmp_path_factory.mktemp("made")
    make_model().save_pretrained(folder / "small")
    make_model(seed=1).save_pretrained(folder / "other")
    HyperSound(MODEL).save_pretrained(folder / "run" / "best")
    save_audio(folder / "voice.wav", sound(12000), 12000)
    save_audio(folder / "shorter.wav", sound(1), 48000)
    (folder / "text.wav").write_text("no sound")
    loud = np.resize(np.array([3e38, -3e38, -3e38], np.float32), 3000)
    soundfile.write(folder / "loud.wav", loud, 44100, subtype="FLOAT")
    soundfile.write(folder / "loud2.wav", np.stack([loud, loud], axis=1), RATE, subtype="FLOAT")
    FittedSound(build_inr(INR_CONFIGS["SIREN"](width=8)), RATE, 300).save(folder / "sound.safetensors")
    given = [str(folder / name) for name in ("voice.wav", "voice.hs")]
    assert main(["compress", *given, "--model", str(folder / "small"), "--quality", "5"]) == 0
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of it as the working folder."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def files_in(folder):
    """Return the content of each file by its path."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder, capsys, command):
    """Return what a command says that ends with an error and leaves all files as they are."""
    before = files_in(folder)
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("hypersound: ")
    assert "Traceback" not in captured.err
    assert "step" not in captured.out
    assert files_in(folder) == before
    return captured.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compress none.wav x.hs --model small", "none.wav: no such file"),
        ("compress text.wav x.hs --model small", "cannot be decoded as audio"),
        ("compress voice.wav x.wav --model small", "a compressed sound is a .hs file"),
        ("compress voice.wav x.hs --model small --kbps 1", "1 kbit/s is too little for this sound"),
        ("compress voice.wav x.hs --model small --kbps -3", "a positive number of kbit/s, not -3"),
        ("compress voice.wav x.hs --model small --quality 11", "between 0 and 10, not 11"),
        ("compress voice.wav text.wav/x.hs --model small", "a file stands where a folder is needed"),
        ("compress shorter.wav x.hs --model small --quality 5", "there is no sample to compress"),
        ("compress voice.wav x.hs --model none", "none: there is no such folder or model"),
        ("compress voice.wav x.hs --model run", "holds a HyperSound, no LocalHyperSound"),
        ("decompress none.hs x.wav --model small", "none.hs: cannot be read"),
        ("decompress voice.wav x.wav --model small", "voice.wav is no .hs file"),
        ("decompress voice.hs x.doc --model small", "cannot write '.doc' files"),
        ("decompress voice.hs x.flac --model small --sample-rate 1", "a positive number of Hz, not 1: whole"),
        ("decompress voice.hs x.wav --model other", "was made by another model"),
        ("info text.wav --model small", "text.wav is no .hs file"),
        ("reconstruct missing voice.wav x.wav", "missing: there is no such folder or model"),
        ("reconstruct . voice.wav x.wav", "config.json: there is no such file"),
        ("reconstruct run missing.wav x.wav", "missing.wav"),
        ("reconstruct run text.wav x.wav", "cannot be decoded as audio"),
        ("reconstruct run voice.wav x.wav --sample-rate 0", "not 0"),
        ("reconstruct run voice.wav x.wav --sample-rate 1", "a positive number of Hz, not 1: whole"),
        ("reconstruct run voice.wav x.doc", "cannot write '.doc' files"),
        ("reconstruct run voice.wav x.wav --kbps 6", "--kbps is for local models"),
        ("reconstruct small voice.wav x.doc", "cannot write '.doc' files"),
        ("reconstruct small voice.wav x.wav --kbps 1", "1 kbit/s is too little"),
        ("reconstruct small voice.wav x.wav --kbps -1", "a positive number of kbit/s"),
        ("reconstruct small voice.wav x.ogg --kbps 400 --sample-rate 1", "a positive number of Hz, not 1: whole"),
        ("evaluate --model none --data mini", "no such folder or model"),
        ("evaluate --model run --data none", "is no dataset"),
        ("evaluate --model run --data mini --metrics loudness", "unknown metrics loudness"),
        ("fit missing.wav", "missing.wav"),
        ("fit voice.wav --start 9", "ends after 1.00 s"),
        ("fit voice.wav --seconds 0", "--seconds 0.0"),
        ("fit voice.wav --loss l2", "smooth_l1"),
        ("fit voice.wav --device abacus", "abacus"),
        ("fit voice.wav --learning-rate 0", "learning_rate must be positive"),
        ("fit voice.wav --sample-rate 0", "not 0"),
        ("fit voice.wav --steps 0", "steps"),
        ("fit voice.wav --sample-rate 100001 --steps 1", "cannot write FLAC at 100001 Hz"),
        ("fit voice.wav --out text.wav/folder", "text.wav"),
        ("render missing.safetensors x.flac", "missing.safetensors"),
        ("render voice.wav x.flac", "not a whole safetensors file"),
        ("render sound.safetensors x.wav --sample-rate 0", "a positive number of Hz, not 0"),
        ("compress loud.wav x.hs --model small", "loud.wav: sample 0 is 3e+38, where full scale is 1"),
        ("reconstruct small loud.wav x.wav", "loud.wav: sample 0 is 3e+38, where full scale is 1"),
        ("reconstruct run loud2.wav x.wav", "loud2.wav: sample 0 is 3e+38, where full scale is 1"),
        ("fit loud.wav --sample-rate 16000 --out x.folder", "loud.wav: sample 0 is 3e+38, where full scale is 1"),
    ],
)
def test_errors_name_value_and_remedy(folder, capsys, command, message):
    assert message in refused(folder, capsys, command)


@pytest.mark.parametrize(
    ("source", "target", "command"),
    [
        ("voice.wav", "out.wav", "reconstruct run voice.wav out.wav"),
        ("voice.wav", "out.png", "reconstruct run voice.wav x.wav --picture out.png"),
        ("voice.wav", "out.png", "reconstruct run voice.wav ./out.png --picture out.png"),
        ("voice.wav", "out.hs", "compress voice.wav out.hs"),
        ("voice.wav", "out.wav", "decompress voice.wav out.wav"),
        ("sound.safetensors", "out.wav", "render sound.safetensors out.wav"),
        ("voice.wav", "voice.inr.flac", "fit voice.wav"),
        ("voice.wav", "voice.inr.png", "fit voice.wav"),
        ("voice.wav", "out.json", "evaluate --model run --data . --json out.json"),
        ("run/best/config.json", "out.json", "evaluate --model run --data . --json out.json"),
        ("run/best/model.safetensors", "o.json", "evaluate --model run --data . --json o.json"),
    ],
)
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_input_is_no_output_by_another_name(folder, capsys, source, target, command, link):
    link(source, target)
    assert "is the same file as" in refused(folder, capsys, command)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "command",
    [
        "compress voice.wav x.hs --model small",
        "decompress voice.hs x.wav --model small",
        "reconstruct small voice.wav x.wav",
        "reconstruct run voice.wav x.wav",
        "evaluate --model run --data . --json x.json",
    ],
)
def test_weights_that_are_not_finite(folder, capsys, command, value):
    for model in ("small", "run/best"):
        path = folder / model / "model.safetensors"
        tensors = load_file(path)
        next(tensor for tensor in tensors.values() if tensor.is_floating_point()).view(-1)[0] = value
        save_file(tensors, path, {"format": "pt"})
    assert "holds NaN or Inf" in refused(folder, capsys, command)


def test_the_library_refuses_what_is_not_finite_too(folder):
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
    fitted = FittedSound.load("sound.safetensors")
    with torch.no_grad():
        next(fitted.inr.parameters()).view(-1)[0] = value
    with pytest.raises(ConfigError, match="holds NaN or Inf; nothing was saved"):
        fitted.save("sound.safetensors")
    with pytest.raises(ConfigError, match="holds NaN or Inf; fit it again"):
        fitted.render()
    content = (folder / "sound.safetensors").read_bytes()
    (folder / "sound.safetensors").write_bytes(content[:-4] + np.float32(value).tobytes())
    with pytest.raises(WeightsFileError, match="holds NaN or Inf"):
        FittedSound.load("sound.safetensors")
    assert "holds NaN or Inf" in refused(folder, capsys, "render sound.safetensors x.wav")
