"""How soon the local model passes the paper's figures on unseen voices, in files no larger than the paper's bottleneck.

make bench ARGS="local_minutes --speech FOLDER"

The paper squeezes a clip of 32 768 samples through 400 numbers, 8.6 kbit/s as float32. Here every recording becomes a
file of at most so many kbit/s, header included, after so much training from random weights, on two threads.
"""

import math
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import torch

from hypersound_lib.evaluation import Excerpt
from hypersound_lib.experiments.paper import ROWS
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import METRICS, TABLE_1
from hypersound_lib.presets import preset
from hypersound_lib.training import training_stores
from tests.benchmarks.codecs import through_files
from tests.benchmarks.common import corpora, endless, excerpts, threads, told, trained

MARKS = (15, 30, 60, 120, 300)  # seconds of training
KBPS = math.floor(10 * 400 * 32 * 22050 / 32768 / 1000) / 10
RECORDINGS, SECONDS, THREADS = 12, 3.0, 2


def run(quick: bool = False, speech: Path | None = None) -> dict:
    """Return the paper's six metrics after each mark."""
    chosen = excerpts(speech, 3 if quick else RECORDINGS, SECONDS)
    with threads(THREADS):
        rows = [told(row) for row in curve(MARKS[:2] if quick else MARKS, corpora(speech), chosen)]
    return {
        "kbps": KBPS,
        "threads": THREADS,
        "corpora": [Path(corpus).name for corpus in corpora(speech)],
        "recordings": [excerpt.name for excerpt in chosen],
        "paper": {metric: ROWS[0].papers(metric) for metric in TABLE_1},
        "rows": rows,
    }


def curve(marks: tuple[int, ...], speech: list[str], chosen: list[Excerpt]) -> Iterator[dict]:
    """Score before the first step; then train on from mark to mark, and score the averaged weights at each.

    Scoring takes no training time.
    """
    stored = preset("local")
    stores = training_stores(speech, stored.model.sample_rate)
    config = endless(stored.training, validation_clips=16)

    def start() -> LocalHyperSound:
        torch.manual_seed(stored.training.seed)
        return LocalHyperSound(stored.model)

    yield scores(start(), 0.0, 0, chosen)
    with tempfile.TemporaryDirectory() as folder:
        for before, mark in pairwise((0, *marks)):
            model = start()
            result, _ = trained(model, stores, config, mark - before, folder=folder)
            yield scores(model, result.seconds, result.step, chosen)


def scores(model: LocalHyperSound, seconds: float, steps: int, chosen: list[Excerpt]) -> dict:
    """Return the means over all recordings, or none at all where one of them has no file that small."""
    model.eval().entropy.freeze()
    sounds = [excerpt.at(model.config.sample_rate) for excerpt in chosen]
    found = through_files(model, sounds, KBPS, TABLE_1)
    row = {"seconds": seconds, "steps": steps, "files": found["files"]}
    if row["files"] < len(sounds):
        return row
    return row | found | {"better_than_paper": [metric for metric in TABLE_1 if _better(metric, found[metric])]}


def _better(metric: str, ours: float | None) -> bool:
    theirs = ROWS[0].papers(metric)
    return ours is not None and (ours > theirs if METRICS[metric].higher_is_better else ours < theirs)
