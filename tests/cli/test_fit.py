"""The command line: files in, files out, numbers on the way, and errors without a traceback."""

import contextlib
import io
import os
import signal
import subprocess
import sys

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, save_audio
from hypersound_lib.fitting import FittedSound
from hypersound_lib.metrics import snr

RATE = 16000


def record(folder):
    t = torch.arange(4000) / RATE
    waveform = 0.4 * torch.sin(2 * torch.pi * 300 * t) * torch.hann_window(4000)
    path = folder / "voice.flac"
    save_audio(path, waveform, RATE)
    return path


@pytest.fixture
def recording(tmp_path):
    return record(tmp_path)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return the folder of a fit, and what the command printed."""
    folder = tmp_path_factory.mktemp("fitted")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["fit", str(record(folder)), "--out", str(folder / "out"), "--device", "cpu"]) == 0
    return folder / "out", printed.getvalue()


def test_fit_writes_sound_weights_and_figure_and_prints_metrics_as_it_goes(fitted, recording):
    out, text = fitted
    assert {p.name for p in out.iterdir()} == {"voice.inr.flac", "voice.inr.safetensors", "voice.inr.png"}
    original, _ = load_audio(recording)
    reconstruction, rate = load_audio(out / "voice.inr.flac")
    assert rate == RATE
    assert snr(original, reconstruction) >= 29.5
    assert (out / "voice.inr.png").read_bytes().startswith(b"\x89PNG")
    rows = [line for line in text.splitlines() if line.startswith("step")]
    assert len(rows) >= 2
    assert all("SNR" in row and "mse" in row for row in rows)
    assert "stopped by target" in text


def test_what_a_signal_interrupts_is_kept(recording, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "hypersound_lib.cli.fit._print_row", lambda row: row["step"] == 20 and os.kill(os.getpid(), signal.SIGTERM)
    )
    out = tmp_path / "out"
    arguments = ["fit", str(recording), "--out", str(out), "--device", "cpu", "--target-snr", "none"]
    assert main([*arguments, "--steps", "1000000"]) == 130
    assert {p.name for p in out.iterdir()} == {"voice.inr.flac", "voice.inr.safetensors", "voice.inr.png"}
    assert "stopped by interrupted" in capsys.readouterr().out


def test_render_at_another_rate(fitted, tmp_path):
    out, _ = fitted
    path = tmp_path / "fine.wav"
    assert main(["render", str(out / "voice.inr.safetensors"), str(path), "--sample-rate", "32000"]) == 0
    fine, rate = load_audio(path)
    same, _ = load_audio(out / "voice.inr.flac")
    assert (rate, len(fine)) == (32000, 8000)
    assert (fine[::2] - same).abs().max() <= 1.1 / 2**15  # two roundings to 16 bits


def test_a_rate_that_cannot_be_written_is_refused_before_anything_is_rendered(fitted, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(FittedSound, "render", lambda *_: pytest.fail("it rendered"))
    weights, path = fitted[0] / "voice.inr.safetensors", tmp_path / "x.flac"
    assert main(["render", str(weights), str(path), "--sample-rate", "700001"]) == 2
    assert "cannot write FLAC at 700001 Hz" in capsys.readouterr().err


def test_part_of_a_recording(recording, tmp_path, capsys):
    arguments = ["fit", str(recording), "--out", str(tmp_path / "part"), "--start", "0.1", "--seconds", "0.05"]
    assert main([*arguments, "--steps", "5"]) == 0
    waveform, _ = load_audio(tmp_path / "part" / "voice.inr.flac")
    assert len(waveform) == 800
    assert "fitting 0.05 s from 0.10 s on, of 0.25 s" in capsys.readouterr().out


@pytest.mark.parametrize("network", ["small", "siren", "modulated"])
def test_other_networks(recording, tmp_path, network):
    arguments = ["fit", str(recording), "--out", str(tmp_path), "--network", network, "--steps", "1"]
    assert main([*arguments, "--seconds", "0.02"]) == 0
    assert main(["render", str(tmp_path / "voice.inr.safetensors"), str(tmp_path / "again.flac")]) == 0


def test_module_and_script_are_the_same_command():
    help_texts = [
        subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"}).stdout
        for command in (
            [sys.executable, "-m", "hypersound_lib", "--help"],
            [os.path.join(os.path.dirname(sys.executable), "hypersound"), "--help"],
        )
    ]
    assert help_texts[0] == help_texts[1]
    assert "fit" in help_texts[0]
