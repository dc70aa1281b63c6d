"""`hypersound reconstruct`: any file through a trained model, with numbers that are true."""

import math

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, resample, save_audio
from hypersound_lib.metrics import snr
from hypersound_lib.model import HyperSound


@pytest.fixture
def model(tiny, tmp_path):
    torch.manual_seed(0)
    HyperSound(tiny).save_pretrained(tmp_path / "run" / "best")
    return tmp_path / "run"


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "voice.wav"
    save_audio(path, 0.4 * torch.sin(torch.arange(3001) / 9), 16000)
    return path


def test_at_the_files_rate(model, recording, tmp_path, capsys):
    out = tmp_path / "again.wav"
    assert main(["reconstruct", str(model), str(recording), str(out), "--sample-rate", "16000"]) == 0
    text = capsys.readouterr().out
    assert "3001 samples at 16000 Hz, 0.19 s" in text
    assert "the model hears up to 4000 Hz" in text
    sound, rate = load_audio(out)
    assert (len(sound), rate) == (3001, 16000)
    printed = float(text.split("SNR ")[1].split(" dB")[0])
    assert math.isclose(printed, snr(load_audio(recording)[0], sound), abs_tol=0.02)
    assert "NMSE" in text
    assert "LSD" in text


def test_at_the_models_rate_by_default(model, recording, tmp_path, capsys):
    out = tmp_path / "again.flac"
    assert main(["reconstruct", str(model), str(recording), str(out), "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    sound, rate = load_audio(out)
    assert rate == 8000
    original = resample(*load_audio(recording), 8000)
    assert len(sound) == len(original)
    assert math.isclose(float(text.split("SNR ")[1].split(" dB")[0]), snr(original, sound), abs_tol=0.02)


def test_at_another_rate_there_is_nothing_to_compare_with(model, recording, tmp_path, capsys):
    out = tmp_path / "again.wav"
    assert main(["reconstruct", str(model), str(recording), str(out), "--sample-rate", "11025"]) == 0
    assert "SNR" not in capsys.readouterr().out
    assert len(load_audio(out)[0]) == round(3001 * 11025 / 16000)


def test_a_file_at_the_models_rate_loses_no_band_and_may_be_short(model, tmp_path, capsys):
    path = tmp_path / "short.wav"
    save_audio(path, torch.rand(50), 8000)
    assert main(["reconstruct", str(model), str(path), str(tmp_path / "again.wav")]) == 0
    text = capsys.readouterr().out
    assert "hears up to" not in text
    assert "SNR" in text
    assert "a spectrum at 8000 Hz needs more" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing", "{voice}", "x.wav"], "missing: there is no such folder or model"),
        (["{voices}", "{voice}", "x.wav"], "config.json: there is no such file"),
        (["{model}", "missing.wav", "x.wav"], "missing.wav"),
        (["{model}", "{text}", "x.wav"], "cannot be decoded as audio"),
        (["{model}", "{voice}", "x.wav", "--sample-rate", "0"], "not 0"),
        (["{model}", "{voice}", "x.doc"], "cannot write '.doc' files"),
    ],
)
def test_errors_name_value_and_remedy(model, voices, recording, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    names = {"model": model, "voices": voices, "voice": recording, "text": text}
    assert main(["reconstruct", *(a.format(**names) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("hypersound: ")
    assert not list(tmp_path.glob("x.*"))
