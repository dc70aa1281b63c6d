"""`hypersound compress`, `decompress` and `info`: files in, files out, true numbers, clear errors."""

import dataclasses
import math

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.coding.container import VERSION, Header
from hypersound_lib.data import load_audio, save_audio
from tests.local.small import RATE, make_model, sound

SECONDS = 4


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with two models, and a recording at another rate than theirs."""
    monkeypatch.chdir(tmp_path)
    make_model().save_pretrained("small")
    make_model(seed=1).save_pretrained("other")
    save_audio("voice.wav", sound(SECONDS * 12000), 12000)
    return tmp_path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def compress(*more):
    return run("compress", "voice.wav", "voice.hs", "--model", "small", *more)


def test_a_recording_goes_there_and_back(folder, capsys):
    assert compress("--kbps", 64) == 0
    size = (folder / "voice.hs").stat().st_size
    assert size <= 64 * 125 * SECONDS
    text = capsys.readouterr().out
    assert f"wrote voice.hs: {size} bytes for 4.00 s, {size / 125 / SECONDS:.2f} kbit/s" in text
    assert "the model keeps frequencies up to 4000 Hz; voice.wav reaches 6000 Hz" in text
    assert run("decompress", "voice.hs", "copy.wav", "--model", "small") == 0
    assert f"wrote copy.wav: {SECONDS * RATE} samples at {RATE} Hz, 4.00 s" in capsys.readouterr().out
    copy, rate = load_audio("copy.wav")
    assert (len(copy), rate) == (SECONDS * RATE, RATE)
    expected = make_model().decompress((folder / "voice.hs").read_bytes())
    torch.testing.assert_close(copy, expected, rtol=0, atol=1 / 32768)
    assert run("decompress", "voice.hs", "copy.flac", "--model", "small", "--sample-rate", 11025) == 0
    assert len(load_audio("copy.flac")[0]) == SECONDS * 11025
    assert run("decompress", "voice.hs", "part.wav", "--model", "small", "--start", 1.5, "--seconds", 2) == 0
    part = load_audio("part.wav")[0]
    torch.testing.assert_close(part, copy[3 * RATE // 2 : 7 * RATE // 2], rtol=0, atol=1 / 32768)
    assert run("decompress", "voice.hs", "part.wav", "--model", "small", "--start", 4) == 2
    assert "from 4 s to the end is no part of a sound of 4.000 s" in capsys.readouterr().err


def test_info_describes_a_file(folder, capsys):
    compress("--kbps", 64)
    capsys.readouterr()
    assert run("info", "voice.hs", "--model", "small") == 0
    text = capsys.readouterr().out
    size = (folder / "voice.hs").stat().st_size
    for line in (
        f"file: voice.hs, {size} bytes, version {VERSION}",
        f"model: {make_model().identity().hex()}, small",
        "recorded at: 12000 Hz",
        f"length: {SECONDS * RATE} samples at {RATE} Hz, 4.00 s",
        f"rate: {size / 125 / SECONDS:.2f} kbit/s, header included",
        f"packets: {math.ceil((SECONDS * 500 + 1) / 20)}, of at most 0.04 s; none damaged",
    ):
        assert line in text.splitlines()
    assert "of 10" in text


def test_info_of_another_models_file_says_what_it_can(folder, capsys):
    compress("--quality", 5)
    assert run("info", "voice.hs", "--model", "other") == 0
    text = capsys.readouterr().out
    assert f"model: {make_model().identity().hex()}, not other" in text
    assert f"length: {SECONDS * RATE} samples at its model's rate" in text
    assert "packets" not in text


def test_damage_is_told_and_silent_and_the_rest_plays(folder, capsys):
    compress("--quality", 5)
    data = bytearray((folder / "voice.hs").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "voice.hs").write_bytes(data)
    capsys.readouterr()
    assert run("decompress", "voice.hs", "copy.wav", "--model", "small") == 0
    error = capsys.readouterr().err
    assert error.startswith("hypersound: voice.hs: packets lost or damaged: 1; silent from ")
    assert error.count("\n") == 1, "no line of code"
    assert len(load_audio("copy.wav")[0]) == SECONDS * RATE
    assert run("info", "voice.hs", "--model", "small") == 0
    text = capsys.readouterr().out
    assert "1 damaged" in text
    assert "silent from: " in text


def cut(data):
    return data[: len(data) // 2]


def lie(data):
    header, at = Header.from_bytes(data)
    return dataclasses.replace(header, num_samples=2**39).to_bytes() + data[at:]


@pytest.mark.parametrize(("change", "said"), [(cut, "is cut short"), (lie, f"{2**39} samples do not fit into ")])
def test_a_file_that_is_cut_or_lies_is_an_error_and_no_copy_and_no_rate_come_of_it(folder, capsys, change, said):
    compress("--quality", 5)
    (folder / "voice.hs").write_bytes(change((folder / "voice.hs").read_bytes()))
    capsys.readouterr()
    for command in (("decompress", "voice.hs", "copy.wav"), ("info", "voice.hs")):
        assert run(*command, "--model", "small") == 2
        told = capsys.readouterr()
        assert said in told.err
        assert "rate: " not in told.out, "the size is that of a part"
        assert change is cut or not told.out, "no number of the header is told"
    assert not (folder / "copy.wav").exists()


@pytest.mark.parametrize(
    "command", [("compress", "voice.wav", "x.hs", "--model", "small"), ("reconstruct", "small", "voice.wav", "x.wav")]
)
def test_a_rate_beyond_the_finest_steps_is_told_and_one_below_the_coarsest_has_its_remedy(folder, capsys, command):
    assert run(*command, "--kbps", 400) == 0
    assert "400 kbit/s were allowed: these are the model's finest steps" in capsys.readouterr().out
    assert run(*command, "--kbps", 64) == 0
    assert "finest" not in capsys.readouterr().out
    assert run(*command, "--kbps", 1) == 2
    least = capsys.readouterr().err.split("this model takes ")[1].split(";")[0]
    assert run(*command, "--kbps", least) == 0


def test_clipped_samples_are_counted(folder, capsys):
    t = torch.arange(RATE) / RATE
    save_audio("voice.wav", torch.sin(2 * torch.pi * 300 * t).sign(), RATE)
    compress("--quality", 0)
    run("decompress", "voice.hs", "copy.wav", "--model", "small")
    assert "samples outside [-1, 1] that were clipped: " in capsys.readouterr().err


def test_bars_show_both_readings_where_somebody_looks(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    compress("--quality", 5)
    error = capsys.readouterr().err
    for what in ("measure", "compress"):
        assert f"{what}: 100%" in error
    assert Header.from_bytes((folder / "voice.hs").read_bytes())[0].num_samples == SECONDS * RATE
