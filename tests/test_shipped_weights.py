"""The weights that come with the library: small, safe to open, as good as their card says, usable by name."""

import json

import pytest

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, load_dataset, resample, save_audio
from hypersound_lib.evaluation import evaluate
from hypersound_lib.metrics import nmse
from hypersound_lib.model import HyperSound
from hypersound_lib.paths import embedded_data
from hypersound_lib.presets import preset

MIB = 2**20
FOLDERS = sorted(folder for folder in embedded_data("checkpoints").iterdir() if folder.is_dir())


def test_they_are_small_and_hold_nothing_but_weights_and_text():
    sizes = {path: path.stat().st_size for folder in FOLDERS for path in folder.iterdir()}
    assert {path.name for path in sizes} == {"README.md", "config.json", "model.safetensors"}
    assert max(sizes.values()) < 24 * MIB
    assert sum(sizes.values()) < 64 * MIB


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_model_is_its_preset_and_the_card_tells_data_terms_and_scores(folder):
    model = HyperSound.from_pretrained(folder.name)
    assert model.config == preset(folder.name).model
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card
    assert "CC BY 4.0" in card
    record = json.loads((embedded_data("results") / f"{folder.name}.json").read_text(encoding="utf-8"))["results"]
    assert model.facts["test"] == record["test"]
    for row in record["test"].values():
        assert f"{row['stoi']:.3f}" in card


def test_held_out_voices_score_what_the_record_says():
    """Each of a few recordings is somewhat easier or harder than the mean of all."""
    model = HyperSound.from_pretrained("hypersound-small")
    metrics = ("stoi", "nmse")
    scores = evaluate(model, "mini", metrics=metrics, references=False, limit=4, seconds=5.0).means("model")
    recorded = model.facts["test"]["mini"]
    assert scores["stoi"] == pytest.approx(recorded["stoi"], abs=0.1)
    assert scores["nmse"] < 3 * recorded["nmse"]


def test_the_command_line_reconstructs_a_recording_by_their_name(tmp_path):
    sound = load_dataset("mini", "test")[0]
    voice, copy = str(tmp_path / "voice.wav"), str(tmp_path / "copy.wav")
    save_audio(voice, sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    assert main(["reconstruct", "hypersound-small", voice, copy]) == 0
    original, made = load_audio(voice), load_audio(copy)
    rate = HyperSound.from_pretrained("hypersound-small").config.sample_rate
    assert made[1] == rate
    assert nmse(resample(*original, rate), made[0]) < 0.5
