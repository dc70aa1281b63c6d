"""Ship a training run's best weights: ``python data/build/weights.py RUN``.

Writes ``data/checkpoints/NAME`` in half precision, with a card that tells data, licences, training and what the
weights score on voices they were not trained on, and ``data/results/NAME.json`` with the same figures and their
provenance. NAME is the run's preset.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import torch

from hypersound_lib.data import load_dataset
from hypersound_lib.evaluation import evaluate
from hypersound_lib.local_model import LocalHyperSound
from hypersound_lib.metrics import METRICS
from hypersound_lib.metrics.catalogue import Metric
from hypersound_lib.model import HyperSound
from hypersound_lib.model_card import model_card
from hypersound_lib.provenance import provenance, write_result

DATA = Path(__file__).resolve().parents[1]
RECORDINGS = 24  # of each corpus' test split
SECONDS = 5.0  # of each

# What may stand behind a folder's name, and under which terms.
SOURCES = {
    "libri16": "LibriSpeech train-clean-100 (Panayotov et al. 2015), CC BY 4.0, centre crops at 16 kHz",
    "vctk16": "CSTR VCTK Corpus (University of Edinburgh), CC BY 4.0, 16 kHz",
    "speech22": "rhasspy voices kathleen, nathalie and flemishguy, CC0 1.0, and LJSpeech, public domain, 22.05 kHz",
    "mini": "this library's embedded corpus, CC BY 4.0",
}
# What a run's records do not tell.
NOTES = {
    "hypersound-small": "\nUp to step 8000 the learning rate followed the schedule of a training of 11 000 steps, "
    "from there that of 16 000.\n",
    "local-hifi": "\nUp to step 2500 the loss weighed mel_nmse by a half, and the learning rate followed the schedule "
    "of a training of 2500 steps, from there that of 3100.\n",
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
intelligibility (1 is best), NMSE 1 is as bad as silence. Speech only: the model has heard no music and no noise.

{sizes}
"""
SIZES = """These weights are for learning how a hypernetwork works; they do not compress. A clip of {num_samples}
samples passes through {neck} numbers, the narrowest layer, and becomes {generated} generated weights."""
LOCAL_SIZES = """A second of sound passes through {neck:.0f} numbers, the narrowest layer, and becomes {generated:.0f}
generated ones. They are real numbers, not bits: nothing is quantised or coded."""
SCORED = ("stoi", "nmse", "si_snr", "lsd")
SCORED_LOCALLY = ("pesq", "stoi", "lsd", "si_snr", "nmse")
DIGITS = {"stoi": "{:.3f}", "nmse": "{:.3f}", "si_snr": "{:.1f}", "cdpam": "{:.3f}", "mse": "{:.1e}"}


def main() -> None:
    parser = argparse.ArgumentParser(prog='make weights ARGS="RUN"', description=__doc__)
    parser.add_argument("run", type=Path, help="a folder that `hypersound train` wrote")
    options = parser.parse_args()
    run = json.loads((options.run / "run.json").read_text(encoding="utf-8"))
    name, corpora = run["preset"], run["data"]
    origin = provenance(f'make weights ARGS="{shlex.join(sys.argv[1:])}"', run["seed"])
    model = HyperSound.from_pretrained(options.run)
    training = model.facts.pop("training")
    target = DATA / "checkpoints" / name
    # Scored as they will be loaded: in half precision.
    model.save_pretrained(target, dtype=torch.float16)
    model = HyperSound.from_pretrained(target)
    scores = {Path(corpus).name: score(model, corpus) for corpus in dict.fromkeys([*corpora, "mini"])}
    model.facts |= {
        "trained_on": [Path(corpus).name for corpus in corpora],
        **({"at_most_minutes": run["minutes"]} if run.get("minutes") else {}),
        "batch_size": training["batch_size"],
        "loss": training["loss"]["terms"],
        "cpu": origin["machine"]["cpu"],
    }
    card = model_card(model.config, model.num_parameters(), model.facts)
    card = card.replace("library_name:", "license: cc-by-4.0\nlibrary_name:", 1)
    card = card.replace("path/to/this/folder", name) + describe(name, model, corpora, scores)
    model.save_pretrained(target, dtype=torch.float16, facts=model.facts | {"test": scores}, card=card)
    write_result(
        DATA / "results" / f"{name}.json", {"facts": model.facts, "training": training, "test": scores}, origin
    )
    print(describe(name, model, corpora, scores))


def score(model: HyperSound | LocalHyperSound, corpus: str) -> dict[str, float]:
    """Evaluate on the corpus' test split."""
    metrics = SCORED_LOCALLY if isinstance(model, LocalHyperSound) else SCORED
    found = evaluate(model, corpus, split="test", metrics=metrics, references=False, limit=RECORDINGS, seconds=SECONDS)
    return found.means("model") | {"recordings": len(found.clips)}


def describe(
    name: str, model: HyperSound | LocalHyperSound, corpora: list[str], scores: dict[str, dict[str, float]]
) -> str:
    """Return the card's part about data, scores and sizes."""
    sources = "\n".join(f"- {SOURCES.get(Path(corpus).name, Path(corpus).name)}" for corpus in corpora)
    metrics = [metric for metric in next(iter(scores.values())) if metric != "recordings"]
    lines = [
        f"| Test speakers of | {' | '.join(_head(METRICS[metric]) for metric in metrics)} |",
        f"|---|{'---:|' * len(metrics)}",
    ]
    for corpus, row in scores.items():
        cells = " | ".join(DIGITS.get(metric, "{:.2f}").format(row[metric]) for metric in metrics)
        lines.append(f"| {corpus} ({row['recordings']} recordings) | {cells} |")
    return CARD.format(
        note=NOTES.get(name, ""),
        sources=sources,
        held_out=_held_out(corpora),
        table="\n".join(lines),
        count=RECORDINGS,
        seconds=SECONDS,
        sizes=sizes(model),
    )


def _held_out(corpora: list[str]) -> str:
    """Name the test speakers of folders."""
    found = []
    for corpus in corpora:
        if Path(corpus).is_dir():
            speakers = sorted({recording.speaker for recording in load_dataset(corpus, "test").recordings})
            found.append(f"{Path(corpus).name} {', '.join(speakers)}")
    return f" (test speakers: {'; '.join(found)})" if found else ""


def _head(metric: Metric) -> str:
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def sizes(model: HyperSound | LocalHyperSound) -> str:
    """Say how many numbers describe a sound."""
    if isinstance(model, LocalHyperSound):
        return LOCAL_SIZES.format(neck=model.narrowest_per_second, generated=model.theta_per_second)
    return SIZES.format(
        num_samples=model.config.num_samples,
        neck=min(model.config.hypernetwork.hidden),
        generated=model.hypernetwork.num_generated,
    )


if __name__ == "__main__":
    main()
