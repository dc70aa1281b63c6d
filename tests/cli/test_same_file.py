"""Every command that writes: what it reads stays, by whatever name it is given as the output."""

import os

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import save_audio
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import INR_CONFIGS, build_inr


@pytest.mark.parametrize(
    ("source", "target", "arguments"),
    [
        ("voice.wav", "out.wav", ["reconstruct", "run", "voice.wav", "out.wav"]),
        ("voice.wav", "out.png", ["reconstruct", "run", "voice.wav", "x.wav", "--picture", "out.png"]),
        ("voice.wav", "out.png", ["reconstruct", "run", "voice.wav", "./out.png", "--picture", "out.png"]),
        ("voice.wav", "out.hs", ["compress", "voice.wav", "out.hs"]),
        ("voice.wav", "out.wav", ["decompress", "voice.wav", "out.wav"]),
        ("sound.safetensors", "out.wav", ["render", "sound.safetensors", "out.wav"]),
        ("voice.wav", "voice.inr.flac", ["fit", "voice.wav"]),
        ("voice.wav", "voice.inr.png", ["fit", "voice.wav"]),
        ("voice.wav", "out.json", ["evaluate", "--model", "run", "--data", ".", "--json", "out.json"]),
        ("run/best/config.json", "out.json", ["evaluate", "--model", "run", "--data", ".", "--json", "out.json"]),
        ("run/best/model.safetensors", "o.json", ["evaluate", "--model", "run", "--data", ".", "--json", "o.json"]),
    ],
)
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_input_stays(tiny, tmp_path, monkeypatch, capsys, source, target, arguments, link):
    monkeypatch.chdir(tmp_path)
    HyperSound(tiny).save_pretrained("run/best")
    save_audio("voice.wav", torch.rand(3000), 8000)
    FittedSound(build_inr(INR_CONFIGS["SIREN"]()), 8000, 3000).save("sound.safetensors")
    link(source, target)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "is the same file as" in captured.err
    assert not captured.out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
