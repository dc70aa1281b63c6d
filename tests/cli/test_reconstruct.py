"""`hypersound reconstruct`: any file through a trained model, with numbers that are true."""

import math

import numpy as np
import pytest
import soundfile
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, resample, save_audio
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.metrics import snr
from hypersound_lib.models import load_model
from tests.local.small import RATE, make_model, sound


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


@pytest.mark.parametrize("rate", [None, 16000, 11025])
def test_at_the_models_rate_the_files_or_another_there_is_nothing_to_compare_with(model, recording, capsys, rate):
    out = recording.with_name("again.wav")
    more = [] if rate is None else ["--sample-rate", str(rate)]
    assert main(["reconstruct", str(model), str(recording), str(out), "--device", "cpu", *more]) == 0
    text = capsys.readouterr().out
    expected = resample(*load_audio(recording), rate or 8000)
    sound, found = load_audio(out)
    assert (len(sound), found) == (len(expected), rate or 8000)
    assert f"{len(sound)} samples at {found} Hz, 0.19 s" in text
    assert "the model keeps frequencies up to 4000 Hz" in text
    assert all((word in text) == (rate != 11025) for word in ("SNR", "NMSE", "LSD"))
    if rate != 11025:
        assert math.isclose(float(text.split("SNR ")[1].split(" dB")[0]), snr(expected, sound), abs_tol=0.02)


def test_a_file_at_the_models_rate_loses_no_band_and_may_be_short(model, tmp_path, capsys):
    path = tmp_path / "short.wav"
    save_audio(path, torch.rand(50), 8000)
    assert main(["reconstruct", str(model), str(path), str(tmp_path / "again.wav")]) == 0
    text = capsys.readouterr().out
    assert "keeps frequencies" not in text
    assert "SNR" in text
    assert "a spectrum at 8000 Hz needs more" in text


@pytest.fixture
def local(tmp_path):
    make_model().save_pretrained(tmp_path / "local")
    return tmp_path / "local"


@pytest.mark.slow
@pytest.mark.parametrize("file_rate", [RATE, 11025, 6000])
@pytest.mark.parametrize("output_rate", [None, 6000, 22050])
def test_a_local_model_gives_what_waveforms_give_and_says_its_rate(local, tmp_path, capsys, file_rate, output_rate):
    voice, out = tmp_path / "voice.wav", tmp_path / "copy.wav"
    save_audio(voice, sound(3 * file_rate + 1), file_rate)
    more = [] if output_rate is None else ["--sample-rate", str(output_rate)]
    assert main(["reconstruct", str(local), str(voice), str(out), "--kbps", "64", "--device", "cpu", *more]) == 0
    text = capsys.readouterr().out
    seconds = 3 + 1 / file_rate
    size = int(text.split("through ")[1].split(" bytes")[0])
    assert f"through {size} bytes, {size / 125 / seconds:.2f} kbit/s" in text
    assert 0.9 * 64 < size / 125 / seconds < 64.1
    copy, rate = load_audio(out)
    whole = make_model().reconstruct(*load_audio(voice), output_rate, kbps=64)
    assert rate == (output_rate or RATE)
    assert len(copy) == len(whole) == math.floor((3 * file_rate + 1) * rate / file_rate + 0.5)
    assert ((copy - whole).abs() < 1e-3).float().mean() > 0.98  # 16 bits, and soxr in blocks
    assert ("SNR" in text) == (rate in (file_rate, RATE))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model", "local"])
def test_neither_sound_is_held_in_memory(kind, request, tmp_path, monkeypatch, capsys):
    chosen, rate = request.getfixturevalue(kind), RATE if kind == "local" else 8000
    save_audio(tmp_path / "voice.wav", sound(12 * rate), rate)  # longer than what a picture shows
    expected = load_model(chosen).reconstruct(*load_audio(tmp_path / "voice.wav")) if kind == "model" else None
    monkeypatch.setattr("hypersound_lib.data.load_audio", None)
    monkeypatch.setattr("hypersound_lib.data.audio.load_audio", None)
    monkeypatch.chdir(tmp_path)
    more = ["--kbps", "64"] if kind == "local" else []
    assert main(["reconstruct", str(chosen), "voice.wav", "x.wav", "--picture", "x.png", *more, "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert "SNR" in text
    assert "LSD" in text
    assert (tmp_path / "x.png").is_file()
    if expected is not None:
        torch.testing.assert_close(load_audio(tmp_path / "x.wav")[0], expected.clamp(-1, 1), rtol=0, atol=1e-4)


def test_a_rave_is_a_model_like_any_other(tmp_path, recording):
    out = tmp_path / "copy.wav"
    assert main(["reconstruct", "table1-rave", str(recording), str(out), "--device", "cpu"]) == 0
    copy = load_model("table1-rave").reconstruct(*load_audio(recording))
    torch.testing.assert_close(load_audio(out)[0], copy.clamp(-1, 1), rtol=0, atol=1e-4)  # 16 bits


@pytest.mark.parametrize("rate", ["8000", "22050", "48000"])
def test_a_length_halfway_between_two_is_one_everywhere(model, local, tmp_path, capsys, rate):
    """480 samples at 48 kHz are 220.5 at 22 050 Hz."""
    save_audio(tmp_path / "short.wav", sound(480), 48000)
    for chosen in (model, local):
        arguments = [str(chosen), str(tmp_path / "short.wav"), str(tmp_path / "x.wav"), "--sample-rate", rate]
        assert main(["reconstruct", *arguments, *(["--kbps", "400"] if chosen == local else [])]) == 0
        assert len(load_audio(tmp_path / "x.wav")[0]) == {"8000": 80, "22050": 221, "48000": 480}[rate]


def test_channels_are_averaged_with_a_word_and_never_cancel(model, local, tmp_path, capsys):
    voice = 0.4 * np.sin(np.arange(3000) / 9)
    soundfile.write(tmp_path / "stereo.wav", np.stack([voice, 0 * voice], axis=1), 8000)
    soundfile.write(tmp_path / "wide.wav", np.stack([voice, -voice], axis=1), 8000)
    for chosen in (model, local):
        assert main(["reconstruct", str(chosen), str(tmp_path / "stereo.wav"), str(tmp_path / "y.wav")]) == 0
        assert "stereo.wav: its 2 channels are averaged" in capsys.readouterr().out
        assert main(["reconstruct", str(chosen), str(tmp_path / "wide.wav"), str(tmp_path / "x.wav")]) == 2
        assert "its 2 channels cancel" in capsys.readouterr().err
        assert not (tmp_path / "x.wav").exists()
