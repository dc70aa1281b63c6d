"""The weights that come with the library: small, safe to open, as good as their card says, usable by name."""

import json

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, load_dataset, peak_normalize, resample, save_audio
from hypersound_lib.evaluation import choose_excerpts, evaluate, evaluation_from_json, load_system
from hypersound_lib.metrics import nmse
from hypersound_lib.model import HyperSound
from hypersound_lib.paths import embedded_data
from hypersound_lib.presets import preset
from hypersound_lib.reconstruction import reconstruct
from hypersound_lib.reproduction import read_results, scale
from hypersound_lib.streaming import stream, stream_encode

MIB = 2**20
FOLDERS = sorted(folder for folder in embedded_data("checkpoints").iterdir() if folder.is_dir())


def test_they_are_small_and_hold_nothing_but_weights_and_text():
    sizes = {path: path.stat().st_size for folder in FOLDERS for path in folder.iterdir()}
    assert {path.name for path in sizes} == {"README.md", "config.json", "model.safetensors"}
    assert max(sizes.values()) < 24 * MIB
    assert sum(sizes.values()) < 64 * MIB


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_card_tells_terms_and_the_scores_that_were_measured(folder):
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))["facts"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card
    assert "CC BY 4.0" in card
    assert facts["test"]
    for row in facts["test"].values():
        assert f"{row['stoi']:.3f}" in card


def test_hypersound_small_is_its_preset_and_its_scores_are_those_of_the_record():
    model = HyperSound.from_pretrained("hypersound-small")
    assert model.config == preset("hypersound-small").model
    record = json.loads((embedded_data("results") / "hypersound-small.json").read_text(encoding="utf-8"))["results"]
    assert model.facts["test"] == record["test"]


@pytest.mark.parametrize("run", ["base", "rave"])
def test_the_models_of_table_1_are_the_runs_that_were_scored(run):
    record = read_results(embedded_data("results") / "table1")[run]
    chosen = scale(record["scale"])
    system = load_system(f"table1-{run}")
    facts = json.loads((embedded_data("checkpoints") / f"table1-{run}" / "config.json").read_text())["facts"]
    assert facts["step"] == record["steps"]
    assert system.sample_rate == (chosen.rave if run == "rave" else chosen.runs[run].model).sample_rate
    # A few of the recordings that the record is of, scored anew.
    names = record["evaluation"]["recordings"][:2]
    excerpts, _ = choose_excerpts(chosen.data, limit=chosen.limit, seconds=chosen.seconds)
    found = evaluate(system, [e for e in excerpts if e.name in names], metrics=("stoi", "nmse"), references=False)
    scored = evaluation_from_json(record["evaluation"])
    for metric in ("stoi", "nmse"):
        expected = scored.values(run, metric, record["sample_rate"])[:2]
        assert found.values(f"table1-{run}", metric) == pytest.approx(expected, rel=0.02)  # half precision


def test_held_out_voices_score_what_the_record_says():
    """Each of a few recordings is somewhat easier or harder than the mean of all."""
    model = HyperSound.from_pretrained("hypersound-small")
    metrics = ("stoi", "nmse")
    scores = evaluate(model, "mini", metrics=metrics, references=False, limit=4, seconds=5.0).means("model")
    recorded = model.facts["test"]["mini"]
    assert scores["stoi"] == pytest.approx(recorded["stoi"], abs=0.1)
    assert scores["nmse"] < 3 * recorded["nmse"]


@pytest.mark.parametrize("name", ["local-tiny", "local-small", "local-hifi"])
def test_local_models_are_their_presets_small_and_as_good_as_recorded(name):
    model = HyperSound.from_pretrained(name)
    assert model.config == preset(name).model
    assert (embedded_data("checkpoints") / name / "model.safetensors").stat().st_size < 16 * MIB
    record = json.loads((embedded_data("results") / f"{name}.json").read_text(encoding="utf-8"))["results"]
    assert model.facts["test"] == record["test"]
    card = (embedded_data("checkpoints") / name / "README.md").read_text(encoding="utf-8")
    assert "test speakers: " in card, "the card names the voices that were held out"
    # Each of a few recordings is somewhat easier or harder than the mean of all.
    found = evaluate(model, "mini", metrics=("stoi", "lsd"), references=False, limit=4, seconds=5.0).means("model")
    recorded = model.facts["test"]["mini"]
    assert found["stoi"] == pytest.approx(recorded["stoi"], abs=0.1)
    assert found["lsd"] == pytest.approx(recorded["lsd"], abs=0.3)


def test_the_larger_a_local_model_the_closer_its_copy():
    sound = load_dataset("mini", "test")[0]
    heard = sound.waveform[: 3 * sound.sample_rate]
    errors = []
    for name in ("local-tiny", "local-small", "local-hifi"):
        copy = reconstruct(HyperSound.from_pretrained(name), heard, sound.sample_rate, sound.sample_rate)
        errors.append(nmse(heard, copy).item())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1


@pytest.mark.parametrize("name", ["local-tiny", "local-small", "local-hifi"])
def test_in_pieces_local_models_say_the_same(name):
    model = HyperSound.from_pretrained(name)
    sound = load_dataset("mini", "test")[0]
    heard = peak_normalize(resample(sound.waveform, sound.sample_rate, model.config.sample_rate)[:40000])
    with torch.no_grad():
        whole = model.encode(heard[None])
        played = model.decode(whole, len(heard))[0]
    pieces = list(stream_encode(model, heard, frames=30))
    for key, value in whole.items():
        torch.testing.assert_close(torch.cat([p[key] for p in pieces], dim=1), value, rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.cat(list(stream(model, heard, frames=30))), played, rtol=0, atol=1e-5)


def test_without_a_name_the_command_takes_local_hifi(tmp_path, capsys):
    sound = load_dataset("mini", "test")[0]
    voice = tmp_path / "voice.wav"
    save_audio(voice, sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    copies = [tmp_path / "default.wav", tmp_path / "named.wav"]
    assert main(["reconstruct", str(voice), str(copies[0]), "--picture", str(tmp_path / "both.png")]) == 0
    assert main(["reconstruct", "local-hifi", str(voice), str(copies[1])]) == 0
    assert copies[0].read_bytes() == copies[1].read_bytes()
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_line_reconstructs_a_recording_by_their_name(tmp_path):
    sound = load_dataset("mini", "test")[0]
    voice, copy = str(tmp_path / "voice.wav"), str(tmp_path / "copy.wav")
    save_audio(voice, sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    assert main(["reconstruct", "hypersound-small", voice, copy]) == 0
    original, made = load_audio(voice), load_audio(copy)
    rate = HyperSound.from_pretrained("hypersound-small").config.sample_rate
    assert made[1] == rate
    assert nmse(resample(*original, rate), made[0]) < 0.5
