"""The weights that come with the library: small, safe to open, as good as their card says, usable by name."""

import json

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.data import load_audio, load_dataset, resample, save_audio
from hypersound_lib.evaluation import choose_excerpts, evaluate, evaluation_from_json, load_system
from hypersound_lib.experiments import read_results, scale
from hypersound_lib.files import embedded_data
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import nmse
from hypersound_lib.models import load_model
from hypersound_lib.presets import preset

MIB = 2**20
FOLDERS = sorted(folder for folder in embedded_data("checkpoints").iterdir() if folder.is_dir())


def test_they_are_small_and_hold_nothing_but_weights_and_text():
    sizes = {path: path.stat().st_size for folder in FOLDERS for path in folder.iterdir()}
    assert {path.name for path in sizes} == {"README.md", "config.json", "model.safetensors"}
    assert max(sizes.values()) < 24 * MIB
    assert sum(sizes.values()) < 48 * MIB
    assert sizes[embedded_data("checkpoints") / "local" / "model.safetensors"] < 16 * MIB


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_card_tells_terms_and_the_scores_that_were_measured(folder):
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))["facts"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card
    assert "CC BY 4.0" in card
    assert folder.name != "local" or "test speakers: " in card, "the card names the voices held out"
    assert facts["test"]
    for rows in facts["test"].values():
        # A local model has a row for each size of files.
        for row in [rows] if "stoi" in rows else [row for row in rows.values() if row["recordings"]]:
            assert f"{row['stoi']:.3f}" in card


@pytest.mark.parametrize("run", ["base", "rave"])
def test_the_models_of_table_1_are_the_runs_that_were_scored(run):
    record = read_results(embedded_data("results") / "table1")[run]
    chosen = scale(record["scale"])
    system = load_system(f"table1-{run}")
    facts = json.loads((embedded_data("checkpoints") / f"table1-{run}" / "config.json").read_text())["facts"]
    assert facts["step"] == record["steps"]
    assert system.sample_rate == (chosen.rave if run == "rave" else chosen.runs[run].model).sample_rate
    # A few of the recordings that the record is of, scored anew.
    names, metrics = record["evaluation"]["recordings"][:2], ("stoi", "nmse")
    excerpts, _ = choose_excerpts(chosen.data, limit=chosen.limit, seconds=chosen.seconds)
    found = evaluate(system, [e for e in excerpts if e.name in names], metrics=metrics, references=False)
    scored = evaluation_from_json(record["evaluation"])
    for metric in metrics:
        expected = scored.values(run, metric, record["sample_rate"])[:2]
        assert found.values(f"table1-{run}", metric) == pytest.approx(expected, rel=0.02)  # half precision


@pytest.mark.parametrize("name", ["hypersound-small", "local"])
def test_a_model_is_its_preset_and_its_scores_are_those_of_the_record(name):
    model = load_model(name)
    assert model.config == preset(name).model
    record = json.loads((embedded_data("results") / f"{name}.json").read_text(encoding="utf-8"))["results"]
    assert model.facts["test"] == record["test"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kbps", "bounds"), [("hypersound-small", None, {"stoi": 0.1}), ("local", 12, {"stoi": 0.1, "lsd": 0.3})]
)
def test_held_out_voices_score_what_the_record_says(name, kbps, bounds):
    """Each of a few recordings is somewhat easier or harder than the mean of all."""
    system, recorded = load_system(name, kbps=kbps), load_model(name).facts["test"]["mini"]
    scores = evaluate(system, "mini", metrics=(*bounds, "nmse"), references=False, limit=4, seconds=5.0).means(name)
    recorded = recorded if kbps is None else recorded[str(kbps)]
    for metric, bound in bounds.items():
        assert scores[metric] == pytest.approx(recorded[metric], abs=bound)
    assert kbps or scores["nmse"] < 3 * recorded["nmse"]


@pytest.mark.slow
def test_no_file_of_the_local_model_is_larger_than_asked_and_the_larger_the_closer():
    model = LocalHyperSound.from_pretrained("local")
    sound = load_dataset("mini", "test")[0]
    heard = sound.waveform[: 3 * sound.sample_rate]
    errors = []
    for kbps in (3.2, 6, 12, 24):
        data = model.compress(heard, sound.sample_rate, kbps=kbps)
        assert 0.9 * kbps < len(data) / 125 / 3 <= kbps
        errors.append(nmse(heard, model.decompress(data, sound.sample_rate)).item())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "hypersound-small"])
def test_an_offset_comes_back_as_it_was(name):
    """And from a copy of the copy: it neither grows nor shrinks."""
    model = load_model(name)
    rate = model.config.sample_rate
    copy = torch.full((rate,), 0.5)
    for _ in range(2):
        copy = model.reconstruct(copy, rate)
        assert copy[rate // 4 : -rate // 4].mean().item() == pytest.approx(0.5, rel=0.01)


def test_a_click_leaves_the_speech_as_good_as_it_was():
    """60 dB above it."""
    model = HyperSound.from_pretrained("hypersound-small")
    rate = model.config.sample_rate
    speech = resample(load_dataset("mini", "test")[0].waveform, 48000, rate)[: 2 * rate]
    clicked = speech.clone()
    clicked[rate] += 1000 * speech.abs().max()
    away = (torch.arange(len(speech)) - rate).abs() > model.config.num_samples  # where no clip holds the click
    errors = [nmse(speech[away], model.reconstruct(heard, rate)[away]).item() for heard in (speech, clicked)]
    assert errors[1] < 1.2 * errors[0]


def test_the_copy_that_the_readme_plays_is_that_of_the_file_beside_it():
    """Whatever machine wrote the file: the decoder's probabilities are the same everywhere."""
    folder = embedded_data("results") / "unseen_voice"
    copy, rate = load_audio(folder / "copy.flac")
    played = LocalHyperSound.from_pretrained("local").decompress((folder / "copy.hs").read_bytes(), rate)
    assert len(played) == len(copy)
    assert (played - copy).abs().max() < 1e-3


@pytest.mark.slow
def test_without_a_name_the_command_takes_the_local_model(tmp_path):
    sound = load_dataset("mini", "test")[0]
    voice = tmp_path / "voice.wav"
    save_audio(voice, sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    copies = [tmp_path / "default.wav", tmp_path / "named.wav"]
    assert main(["reconstruct", str(voice), str(copies[0]), "--picture", str(tmp_path / "both.png")]) == 0
    assert main(["reconstruct", "local", str(voice), str(copies[1])]) == 0
    assert copies[0].read_bytes() == copies[1].read_bytes()
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
