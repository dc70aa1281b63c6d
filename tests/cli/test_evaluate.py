"""`hypersound evaluate`: one table, one file, and clear words about what is wrong."""

import json

import pytest

from hypersound_lib.cli import main
from hypersound_lib.data import load_dataset, save_audio


@pytest.mark.slow
def test_the_shipped_model_beside_its_references(tmp_path, capsys):
    sound = load_dataset("mini", "test")[0]
    save_audio(tmp_path / "voices" / "a.wav", sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    (tmp_path / "voices" / "b.wav").write_bytes(b"no sound")
    target = tmp_path / "result.json"
    given = ["evaluate", "--model", "hypersound-small", "--data", str(tmp_path / "voices"), "--json", str(target)]
    assert main([*given, "--metrics", "snr", "stoi", "--seconds", "1.5", "--rates", "8000", "16000"]) == 0
    printed = capsys.readouterr().out
    assert "| hypersound-small | 8000 Hz |" in printed
    assert "| Griffin-Lim | 16000 Hz |" in printed
    assert "MDCT" in printed
    assert "1 recordings, 1 skipped" in printed
    assert "θ floats per second" in printed
    document = json.loads(target.read_text())
    assert document["provenance"]["packages"]["torch"]
    assert "b.wav" in document["results"]["skipped"]
    model = [row for row in document["results"]["rows"] if row["system"] == "hypersound-small"]
    assert {row["sample_rate"] for row in model} == {8000, 16000}
