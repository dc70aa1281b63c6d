"""Files through a local model in constant memory: the same as waveforms through `reconstruct`."""

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, save_audio
from hypersound_lib.errors import AudioFileError, ConfigError
from hypersound_lib.file_reconstruction import reconstruct_file
from hypersound_lib.inr.local import LocalConfig
from hypersound_lib.local_config import LocalHyperSoundConfig
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig
from hypersound_lib.local_model import LocalHyperSound
from hypersound_lib.reconstruction import reconstruct

RATE = 8000


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = LocalHyperNetworkConfig(width=24, dilations=(1, 2), bottleneck=9)
    return LocalHyperSound(LocalHyperSoundConfig(RATE, 256, network, LocalConfig(hop=16, basis=12, bands=4))).eval()


@pytest.fixture
def voice(tmp_path):
    def write(rate, seconds=3.0):
        t = torch.arange(round(seconds * rate)) / rate
        path = tmp_path / f"voice{rate}.wav"
        save_audio(path, 0.04 * torch.sin(900 * t) * torch.sin(7 * t), rate)
        return path

    return write


@pytest.mark.parametrize("file_rate", [RATE, 11025, 6000])
@pytest.mark.parametrize("output_rate", [None, 6000, 22050])
def test_files_and_waveforms_give_the_same(model, voice, tmp_path, file_rate, output_rate):
    source = voice(file_rate)
    written = reconstruct_file(model, source, tmp_path / "copy.wav", output_rate)
    copy, rate = load_audio(tmp_path / "copy.wav")
    whole = reconstruct(model, *load_audio(source), output_rate)
    assert (written.samples, written.sample_rate) == (len(whole), rate)
    assert written.clipped == int((whole.abs() > 1).sum())
    assert rate == (output_rate or RATE)
    assert whole.std() > 1e-3, "the model says something"
    torch.testing.assert_close(copy, whole, rtol=0, atol=2e-4)  # 16 bits


def test_silence_stays_silent_and_keeps_its_length(model, tmp_path):
    save_audio(tmp_path / "silence.wav", torch.zeros(70001), 16000)
    assert reconstruct_file(model, tmp_path / "silence.wav", tmp_path / "copy.wav", 16000).samples == 70001
    assert not load_audio(tmp_path / "copy.wav")[0].any()


def test_what_cannot_be_read_or_written_is_refused(model, voice, tmp_path):
    with pytest.raises(AudioFileError, match="no such file"):
        reconstruct_file(model, tmp_path / "none.wav", tmp_path / "copy.wav")
    with pytest.raises(ConfigError, match="cannot write"):
        reconstruct_file(model, voice(RATE), tmp_path / "copy.m4a")
    assert not list(tmp_path.glob("copy*"))


def test_the_command_sends_files_through_a_local_model(model, voice, tmp_path, capsys):
    model.save_pretrained(tmp_path / "local")
    out = tmp_path / "copy.flac"
    assert main(["reconstruct", str(tmp_path / "local"), str(voice(RATE)), str(out), "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert f"{3 * RATE} samples at {RATE} Hz, 3.00 s" in text
    assert "SNR" in text
    assert len(load_audio(out)[0]) == 3 * RATE
