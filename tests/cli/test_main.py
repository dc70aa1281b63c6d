"""What all commands have in common: a version, and a question where a name is nearly that of something known."""

import io
import json
import os
import sys

import pytest
import torch

import hypersound_lib
from hypersound_lib.cli import main
from hypersound_lib.data import save_audio
from hypersound_lib.provenance import write_result


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"hypersound {hypersound_lib.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "did you mean 'train'?"),
        (
            ["train", "--out", "x", "--lerning-rate", "1"],
            "--lerning-rate is no option of this command; did you mean '--le",
        ),
        (["train", "--out", "x", "--shedule=cosine"], "did you mean '--schedule'?"),
        (["train", "--out", "x", "--schedule", "cosin"], "did you mean 'cosine'?"),
        (["fit", "x.wav", "--network", "sirn"], "did you mean 'siren'?"),
        (["info", "x.hs", "--qqq"], "--qqq is no option of this command; --help lists all"),
        (["train", "--out", "x", "--max-grad-norm", "big"], "--max-grad-norm: 'big' is neither float nor none"),
        (["train", "--out", "x", "--steps", "none"], "argument --steps: invalid int value: 'none'"),
        (["compress", "x.wav", "x.hs", "--kbps", "6", "--quality", "5"], "not allowed with"),
    ],
)
def test_a_mistyped_command_option_or_value_is_refused_with_a_hint(arguments, hint, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"\u2026"), ("cp1252", "…"), ("utf-8", "…")])
def test_no_character_of_the_output_ends_a_command(encoding, shown, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    print("↑")
    out.flush()
    printed = out.buffer.getvalue().decode(encoding)
    assert f"paper-small, {shown}" in " ".join(printed.split())
    assert printed.endswith("↑\n" if encoding == "utf-8" else "\\u2191\n")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, file names are text")
@pytest.mark.parametrize("name", [b"caf\xe9 $x_{$.wav", "…↑.wav".encode()])
@pytest.mark.slow
def test_any_file_name_reaches_the_end(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    path = os.path.join(tmp_path, os.fsdecode(name))
    save_audio(path, torch.sin(torch.arange(3000) / 5), 8000)
    assert main(["fit", path, "--out", str(tmp_path), "--steps", "1", "--device", "cpu"]) == 0
    stem = path.removesuffix(".wav")
    assert all(os.path.getsize(f"{stem}.inr.{kind}") for kind in ("png", "flac", "safetensors"))
    assert main(["render", f"{stem}.inr.safetensors", path]) == 0
    assert main(["reconstruct", path, f"{stem}.flac", "--picture", f"{stem}.png"]) == 0
    write_result(tmp_path / "scores.json", {path: "↑"}, {})
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["results"] == {path: "↑"}


def test_an_evaluation_is_written_before_it_is_printed(tmp_path, monkeypatch):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr("hypersound_lib.evaluation.Evaluation.table", closed)
    save_audio(tmp_path / "voices" / "a.wav", torch.sin(torch.arange(12000) / 5), 8000)
    given = ["evaluate", "--model", "hypersound-small", "--data", str(tmp_path / "voices"), "--metrics", "snr"]
    assert main([*given, "--no-references", "--json", str(tmp_path / "scores.json")]) == 2
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["results"]["rows"]


@pytest.mark.parametrize(
    ("flag", "value", "word"),
    [
        *(("--seconds", value, "finite") for value in ("nan", "1e400")),
        ("--seconds", "1e-320", "not one sample"),
        ("--seconds", "--", "no value"),
        ("--start", "-inf", "finite"),
        ("--start", "1e300", "ends after"),
        ("--learning-rate", "inf", "finite"),
        ("--max-seconds", "nan", "finite"),
        *(("--seed", value, "too large") for value in (str(2**63), "-" + "9" * 30)),
        ("--seed", "-1", "from 0 to 2^63 - 1"),
        ("--sample-rate", str(2**31), "100 to 1000000"),
    ],
)
def test_a_number_that_no_command_can_use_is_refused_in_words(flag, value, word, tmp_path, capsys):
    save_audio(tmp_path / "a.wav", torch.sin(torch.arange(800) / 5), 8000)
    try:
        status = main(["fit", str(tmp_path / "a.wav"), "--out", str(tmp_path), "--steps", "1", f"{flag}={value}"])
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["1e300", "0.1"])
def test_more_seconds_than_there_are_fit_the_whole(seconds, tmp_path, capsys):
    save_audio(tmp_path / "a.wav", torch.sin(torch.arange(800) / 5), 8000)
    given = ["fit", str(tmp_path / "a.wav"), "--out", str(tmp_path), "--steps", "1", "--device", "cpu"]
    assert main([*given, "--seconds", seconds]) == 0
    assert capsys.readouterr().out.startswith("800 samples at 8000 Hz")
