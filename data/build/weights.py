"""Ship a training run's best weights: ``python data/build/weights.py RUN [RUN ...] [--code-steps 1200]``.

Of several runs of the preset ``local``, which begin with the same weights and differ in their seeds, the mean of the
latest averages is shipped. ``--code-steps`` then trains its entropy model alone.

Writes ``data/checkpoints/NAME`` in half precision, with a card that tells data, licences, training and what the
weights score on voices they were not trained on, and ``data/results/NAME.json`` with the same figures and their
provenance. NAME is the run's preset. A local model is scored through files of several sizes.
"""

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

import torch
from finish import mean_of_averages, train_code

from hypersound_lib.coding.rate import KNOBS
from hypersound_lib.data import load_dataset
from hypersound_lib.evaluation import choose_excerpts, evaluate
from hypersound_lib.evaluation.results import markdown_table
from hypersound_lib.hub.card import model_card
from hypersound_lib.hub.export import export_programs, save_programs
from hypersound_lib.hub.folders import read_folder, write_folder
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import METRICS
from hypersound_lib.models import load_model
from hypersound_lib.provenance import provenance, write_result
from hypersound_lib.training import training_stores

sys.path.append(str(Path(__file__).resolve().parents[2]))
from tests.benchmarks.codecs import through_files

DATA = Path(__file__).resolve().parents[1]
RECORDINGS = 6  # of each corpus' test split
SECONDS = 5.0  # of each
KBPS = (3.2, 6, 12, 24)

# What may stand behind a folder's name, and under which terms.
SOURCES = {
    "libri16": "LibriSpeech train-clean-100 (Panayotov et al. 2015), CC BY 4.0, centre crops at 16 kHz",
    "vctk16": "CSTR VCTK Corpus (University of Edinburgh), CC BY 4.0, 16 kHz",
    "speech48": "rhasspy voice kathleen, CC0 1.0, 48 kHz",
    "speech22": "rhasspy voices kathleen and flemishguy, CC0 1.0, and LJSpeech, public domain, 22.05 kHz",
    "mini": "this library's embedded corpus, CC BY 4.0",
}
# What a run's records do not tell.
NOTES = {
    "hypersound-small": "\nUp to step 8000 the learning rate followed the schedule of a training of 11 000 steps, "
    "from there that of 16 000.\n",
    "local": "\nTrained in many parts. First from random weights, in six minutes on an NVIDIA H200 beside three other "
    "trainings: `hypersound train --preset local --steps 12444 --batch-size 32 --learning-rate 1.4e-3 "
    "--warmup-steps 200`, with 2 times a plain mean of `loudness` in the loss; a tenth of the recordings of libri16 "
    "was left out, and 40 recordings validated. Then from that run's weights, 1000 steps of 12 clips on one core, "
    "with the loss `0.6*band_level+1.6*band_error+0.5*log_nmse+4*loudness+0.06*spectrum_level`, whose `loudness` "
    "had wider bands than it has now. Then, after the generator got a layer that guesses what tones leak: that "
    "layer alone for 90 seconds, on tones, by the squared error of what was not sent; and all together for 6800 "
    "steps of 12 clips, a third of them steady tones and harmonics, 500 with `band_excess` in that loss and 6300 "
    "with 5 times that. From there, with `band_excess` once, four times `hypersound train --preset local --weights "
    "BEFORE --batch-size 12 --warmup-steps 50 --ema-decay 0.998 --validation-clips 75`, each from the step with the "
    "lowest validation loss: `--steps 2400 --learning-rate 2.5e-4 --seed 2`, without a dead zone; `--steps 1700 "
    "--learning-rate 4e-4 --seed 3`, with one; `--steps 6500 --learning-rate 5e-4 --seed 4`, ended after step 2900, "
    "from here on without the frames that reach beyond a clip; and `--steps 5000 --learning-rate 5e-4 --seed 5`, of "
    "which the average at the end was taken, as fewer test signals are too loud with it. Then, in two minutes on "
    "one core, the probabilities alone: on integers of that model, in packets of 68 frames, by the mean logarithm "
    "of a packet's bits. Then, after the entropy model got networks for signs: these alone for four minutes, on "
    "such packets; all together by that command with `--steps 2600 --learning-rate 4e-4 --seed 6`, the average at "
    "the end, and, for four minutes, the probabilities alone once more. Then three times by that command, the "
    "average at the end each time: `--steps 2400 --learning-rate 4e-4 --seed 7` and `--steps 2200 --learning-rate "
    "4e-4 --seed 8`, with a dead zone that the analysis network chose for each wave, which was taken out again, and "
    "with 1 + 40 / (1 + (f / 500 Hz)²) and 1 + 35 exp(-ln²(f / 300 Hz) / 0.98) as weights of `band_error`; and, "
    "with those of now, `--steps 1600 --learning-rate 4e-4 --seed 9`. With a dead zone of 0.14 steps in place of "
    "0.1, once more, for four minutes, the probabilities alone. Then, with the rate knob's range of now, whose "
    "finest steps were 13 % larger before, by that command with `--batch-size 24 --ema-decay 0.999 --steps 5000 "
    "--learning-rate 5e-4 --seed 10`, and of its weights and those that it began with the mean was taken; and, for "
    "six minutes, the probabilities alone. Then, with `loudness` in the bands of now, twice from "
    "these weights, by that command with `--batch-size 12 --ema-decay 0.999 --steps 6800 --learning-rate 5e-4` and "
    "`--seed 11` or `--seed 12`, with 0.8 times a `band_excess` over the mean of both sounds; for the first 1900 steps "
    "all weights of the loss were a quarter larger. Of the averages at the end of both the mean was taken. And, for "
    "six minutes, the probabilities alone. Then the entropy model got a learned code of what is beyond its tables. "
    "From there, A: the probabilities alone (`data/build/finish.py`), 1500 steps; B: from A, with the loss above, two "
    "trainings by that command with `--steps 2700 --learning-rate 4e-4` and `--seed 15` or `--seed 16`, of which the "
    "facts above tell, and the mean of their averages; C: 0.3 A and 0.7 B, and the probabilities alone, 1000 steps; "
    "D: from C, `--steps 550 --learning-rate 2e-4 --ema-decay 0.99 --seed 17`; these are the mean of C and the average "
    "of D. In B and D a fifth of all clips were test signals, not 12 %. Where to stop was chosen by the test signals "
    "and by 15 clips of validation voices.\n",
}
CARD = """{note}
## Training data

{sources}

Of each corpus the last tenth of the speakers is the test split, and of the rest the last tenth validated; neither was
trained on{held_out}.

The weights are offered under CC BY 4.0, as the training data asks for attribution.

## What to expect

{table}

Means over up to {count} recordings of each test split, at most {seconds:g} s each, at the model's rate. STOI is about
intelligibility (1 is best){note_on_scores}

{sizes}

{exported}
"""
NMSE_NOTE = ", NMSE 1 is as bad as silence. Speech only: the model was trained on no music and no noise."
FILES_NOTE = """, PESQ about quality (4.64 is best). Rates are those of the files, headers included: the sizes
that were asked for, and what came out."""
SIZES = """These weights are for learning how a hypernetwork works; they do not compress. A clip of {num_samples}
samples passes through {neck} numbers, the narrowest layer, and becomes {generated} generated weights."""
LOCAL_SIZES = """Speech is what these weights are for. How they do on other sounds, and where they fail, is measured in
`data/results/bench_local_elsewhere.json`."""
SCORED = ("stoi", "nmse", "si_snr", "lsd")
SCORED_LOCALLY = ("pesq", "stoi", "lsd", "si_snr")
DIGITS = {"stoi": "{:.3f}", "nmse": "{:.3f}", "si_snr": "{:.1f}", "cdpam": "{:.3f}", "mse": "{:.1e}"}


def main() -> None:
    parser = argparse.ArgumentParser(prog='make weights ARGS="RUN"', description=__doc__)
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="a folder that `hypersound train` wrote")
    parser.add_argument("--code-steps", type=int, default=0, help="to train the entropy model alone at the end")
    options = parser.parse_args()
    run = json.loads((options.runs[-1] / "run.json").read_text(encoding="utf-8"))
    name, corpora = run["preset"], run["data"]
    # The folders' names without their place, which is this machine's own.
    arguments = [shlex.quote(run.name) for run in options.runs]
    if options.code_steps:
        arguments.append(f"--code-steps {options.code_steps}")
    origin = provenance(f'make weights ARGS="{" ".join(arguments)}"', run["seed"])
    model = load_model(options.runs[-1])
    training = model.facts.pop("training")
    if len(options.runs) > 1:
        model.load_state_dict(model.state_dict() | mean_of_averages(options.runs))
        model.train()  # the code's frequencies are computed anew where it is saved
    if options.code_steps:
        store, _ = training_stores(corpora, model.config.sample_rate)
        train_code(model.train(), store, options.code_steps, run["seed"])
        training["code_steps"] = options.code_steps
    target = DATA / "checkpoints" / name
    # Scored as they will be loaded: in half precision.
    model.save_pretrained(target, dtype=torch.float16)
    model = load_model(target)
    scores = {Path(corpus).name: score(model, corpus) for corpus in dict.fromkeys([*corpora, "mini"])}
    model.facts |= {
        "trained_on": [Path(corpus).name for corpus in corpora],
        **({"at_most_minutes": run["minutes"]} if run.get("minutes") else {}),
        "batch_size": training["batch_size"],
        "loss": training["loss"]["terms"],
        "cpu": model.facts.get("cpu", origin["machine"]["cpu"]),  # known where weights that shipped are scored anew
    }
    card = model_card(model, model.facts)
    card = card.replace("library_name:", "license: cc-by-4.0\nlibrary_name:", 1)
    card = card.replace("path/to/this/folder", name) + describe(name, model, corpora, scores)
    # The tensors stay what was scored: saving a local model anew could fix other frequencies of its code.
    config, tensors = read_folder(target)
    write_folder(target, tensors, config | {"facts": model.facts | {"test": scores}}, card)
    write_result(
        DATA / "results" / f"{name}.json", {"facts": model.facts, "training": training, "test": scores}, origin
    )
    print(describe(name, model, corpora, scores))


def score(model: PretrainedModel, corpus: str) -> dict:
    """Evaluate on the corpus' test split; a model that writes files at each of `KBPS`."""
    chosen, _ = choose_excerpts(corpus, split="test", limit=RECORDINGS, seconds=SECONDS)
    if model.default_kbps is not None:
        sounds = [excerpt.at(model.config.sample_rate) for excerpt in chosen]
        return {f"{kbps:g}": score_files(model, sounds, kbps) for kbps in KBPS}
    found = evaluate(model, chosen, metrics=SCORED, references=False)
    return found.means("model") | {"recordings": len(found.clips)}


def score_files(model: LocalHyperSound, sounds: list[torch.Tensor], kbps: float) -> dict:
    """Return means over the sounds, each through a file of at most `kbps`; those that have none are not counted."""
    found = through_files(model, sounds, kbps, SCORED_LOCALLY)
    recordings = found.pop("files")
    return found | {"recordings": recordings}


def describe(name: str, model: PretrainedModel, corpora: list[str], scores: dict[str, dict]) -> str:
    """Return the card's part about data, scores and sizes."""
    in_files = model.default_kbps is not None
    return CARD.format(
        note=NOTES.get(name, ""),
        sources="\n".join(f"- {SOURCES.get(Path(corpus).name, Path(corpus).name)}" for corpus in corpora),
        held_out=_held_out(corpora),
        table=local_table(scores) if in_files else table(scores),
        count=RECORDINGS,
        seconds=SECONDS,
        note_on_scores=FILES_NOTE if in_files else NMSE_NOTE,
        sizes=sizes(model),
        exported=exported(model),
    )


def table(scores: dict[str, dict[str, float]]) -> str:
    """Return a row for each corpus."""
    rows = [[f"{corpus} ({row['recordings']} recordings)", *_cells(row, SCORED)] for corpus, row in scores.items()]
    return "\n".join(markdown_table(["Test speakers of", *map(_head, SCORED)], rows))


def local_table(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a row for each corpus and rate."""
    rows = []
    for corpus, found in scores.items():
        for kbps, row in found.items():
            none = ["no file so small", *[""] * len(SCORED_LOCALLY)]
            cells = [f"{row['kbps']:.2f}", *_cells(row, SCORED_LOCALLY)] if row["recordings"] else none
            rows.append([f"{corpus} ({row['recordings']} recordings)", kbps, *cells])
    return "\n".join(
        markdown_table(["Test speakers of", "kbit/s, at most", "kbit/s", *map(_head, SCORED_LOCALLY)], rows)
    )


def _cells(row: dict[str, float], metrics: tuple[str, ...]) -> list[str]:
    return ["–" if row[m] is None else DIGITS.get(m, "{:.2f}").format(row[m]) for m in metrics]


def _held_out(corpora: list[str]) -> str:
    """Name the test speakers of folders."""
    found = []
    for corpus in corpora:
        if Path(corpus).is_dir():
            speakers = sorted({recording.speaker for recording in load_dataset(corpus, "test").recordings})
            found.append(f"{Path(corpus).name} {', '.join(speakers)}")
    return f" (test speakers: {'; '.join(found)})" if found else ""


def _head(name: str) -> str:
    metric = METRICS[name]
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def sizes(model: PretrainedModel) -> str:
    """Say how many numbers describe a sound, or where else a local model was measured."""
    if model.default_kbps is not None:
        return LOCAL_SIZES
    return SIZES.format(
        num_samples=model.config.num_samples,
        neck=min(model.config.hypernetwork.hidden),
        generated=model.hypernetwork.num_generated,
    )


def exported(model: PretrainedModel) -> str:
    """Say how large the model's graphs are, for programs that have no hypersound_lib."""
    knob = None if model.default_kbps is None else KNOBS // 2
    with tempfile.TemporaryDirectory() as folder:
        written = save_programs(export_programs(model, knob=knob), folder)
    found = " and ".join(f"`{name}` of {size / 1e6:.1f} MB" for name, size in written.items())
    return f"""`hypersound_lib.hub.export` writes {found}, in float32, for programs
that have torch alone; with onnx and onnxscript, `torch.onnx.export` turns both into ONNX."""


if __name__ == "__main__":
    main()
