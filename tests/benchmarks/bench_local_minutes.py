"""How soon a local model passes the paper's figures on unseen voices, beside the paper's design trained equally long.

make bench ARGS="local_minutes --speech FOLDER"
"""

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import torch

from hypersound_lib.evaluation import Excerpt, evaluate
from hypersound_lib.metrics import METRICS, TABLE_1
from hypersound_lib.model import HyperSound, build_model
from hypersound_lib.presets import preset
from hypersound_lib.reproduction.paper import ROWS
from tests.benchmarks import local_speech

MARKS = (15, 30, 60, 120, 240)  # seconds of training
PRESETS = ("local-hifi", "paper-small")  # of the paper's targets the one that learns soonest on a CPU
RECORDINGS, SECONDS = 10, 3.0


def run(quick: bool = False, speech: Path | None = None) -> dict:
    """Return the paper's six metrics after each mark, for a local model and for the paper's design."""
    chosen = local_speech.excerpts(speech, RECORDINGS, SECONDS)
    rows = []
    for name in PRESETS:
        for row in _curve(name, MARKS[:2] if quick else MARKS, speech, chosen):
            rows.append(row)
            print(row, flush=True)
    return {
        "corpora": [Path(corpus).name for corpus in local_speech.corpora(speech)],
        "recordings": [excerpt.name for excerpt in chosen],
        "paper": {metric: ROWS[0].papers(metric) for metric in TABLE_1},
        "rows": rows,
    }


def _curve(name: str, marks: tuple[int, ...], speech: Path | None, chosen: list[Excerpt]) -> Iterator[dict]:
    """Score before the first step; then train on from mark to mark, and score the averaged weights at each.

    Scoring takes no training time.
    """
    stored = preset(name)
    rate = stored.model.sample_rate
    data = local_speech.stores(speech, rate)

    def row(model: HyperSound, seconds: float, steps: int) -> dict:
        found = evaluate(model.eval(), chosen, rates=[rate], metrics=TABLE_1, references=False)
        scores = found.means("model")
        better = [m for m in TABLE_1 if _better(m, scores[m], ROWS[0].papers(m))]
        return {"preset": name, "seconds": seconds, "steps": steps, **scores, "better_than_paper": better}

    torch.manual_seed(stored.training.seed)
    yield row(build_model(stored.model), 0.0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for before, mark in pairwise((0, *marks)):
            result = local_speech.train_for(mark - before, stored.model, stored.training, data, folder)
            yield row(result.model, result.seconds, result.step)


def _better(metric: str, ours: float, theirs: float) -> bool:
    return ours > theirs if METRICS[metric].higher_is_better else ours < theirs
