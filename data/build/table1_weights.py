"""Ship two models of a finished Table 1: ``python data/build/table1_weights.py``.

Notebooks play them: ``data/checkpoints/table1-base`` (HyperSound) and ``data/checkpoints/table1-rave``, trained on
the same data. Their trainings are taken from ``data/results/table1-runs``, their scores from ``data/results/table1``.
"""

from pathlib import Path

import torch
from weights import exported

from hypersound_lib.evaluation import evaluation_from_json
from hypersound_lib.experiments import read_results, scale
from hypersound_lib.experiments.table1 import train_run
from hypersound_lib.files import atomic_path
from hypersound_lib.hub.folders import CARD_FILE
from hypersound_lib.metrics import METRICS, TABLE_1
from hypersound_lib.training import training_stores

DATA = Path(__file__).resolve().parents[1]
TRAININGS = DATA / "results" / "table1-runs"
RUNS = ("base", "rave")
ADDITION = """
## Training data

This library's embedded corpus of synthetic speech, CC BY 4.0, but for the last four speakers; so are the weights. They
were trained by `hypersound reproduce table1 --scale {scale}`: {steps} steps in {minutes:.1f} minutes.

## What to expect

| {heads} |
|{rule}|
| {cells} |

Means over {count} recordings of the four test speakers, {rate} Hz. A model for learning, not for use: it was trained on
no human voice.
{exported}"""


def main() -> None:
    records = read_results(DATA / "results" / "table1")
    for run in RUNS:
        record = records[run]
        if not (TRAININGS / run / "checkpoints").is_dir():
            # The table may be complete without them, as in a fresh clone: what is shipped then stays.
            print(f"{run}: its training is not in {TRAININGS}, so its shipped weights stay as they are")
            continue
        chosen, rate = scale(record["scale"]), record["sample_rate"]
        stores = training_stores(chosen.data, rate)
        # The training is finished: this loads its last checkpoint.
        trained = train_run(chosen, run, stores, TRAININGS / run)
        assert trained.step == record["steps"], f"{run}: the checkpoint is of step {trained.step}"
        means = evaluation_from_json(record["evaluation"]).means(run, rate)
        facts = {
            "step": record["steps"],
            "seconds": record["seconds"],
            "trained_on": [record["data"]],
            "test": {record["data"]: means | {"recordings": len(record["evaluation"]["recordings"])}},
        }
        target = DATA / "checkpoints" / f"table1-{run}"
        trained.model.save_pretrained(target, facts=facts, dtype=torch.float16)
        graphs = "" if run == "rave" else f"\n{exported(trained.model)}\n"
        complete_card(target / CARD_FILE, record, means, graphs)
        print(f"wrote {target}")


def complete_card(path: Path, record: dict, means: dict[str, float], graphs: str) -> None:
    """Add terms, data, scores and sizes of exported graphs to the card that the model has written."""
    metrics = [*TABLE_1, "nmse"]
    addition = ADDITION.format(
        scale=record["scale"],
        steps=record["steps"],
        minutes=record["seconds"] / 60,
        heads=" | ".join(METRICS[name].label for name in metrics),
        rule="---:|" * (len(metrics) - 1) + "---:",
        cells=" | ".join(f"{means[name]:.3f}" for name in metrics),
        count=len(record["evaluation"]["recordings"]),
        rate=record["sample_rate"],
        exported=graphs,
    )
    card = path.read_text(encoding="utf-8").replace("library_name:", "license: cc-by-4.0\nlibrary_name:", 1)
    card = card.replace("path/to/this/folder", path.parent.name)
    with atomic_path(path) as temporary:
        temporary.write_text(card + addition, encoding="utf-8")


if __name__ == "__main__":
    main()
