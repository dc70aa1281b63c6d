"""What each learnt part of the local model brings, at equal bit rates; every row is trained for as many steps.

make bench ARGS="local_ablation --speech FOLDER --limit 300"

A row is the preset `local` with one part changed. Each is scored at several positions of the rate knob, on unseen
voices. Rates are ideal code lengths, Σ -log₂ p, without headers; scores at 4 … 16 kbit/s lie on the line between
neighbouring positions, over the logarithm of the rate. Where a row cannot go as low or as high, there is none.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.rate import knob_value, level_gain, survey
from hypersound_lib.coding.tensors import whole_packets
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.presets import preset
from hypersound_lib.training import training_stores
from tests.benchmarks import local_parts
from tests.benchmarks.common import corpora, endless, excerpts, mean_scores, told, trained
from tests.benchmarks.equal_bits import scores_at

KBPS = (4.0, 6.0, 12.0, 16.0)
KNOBS = (255, 215, 175, 135, 95, 55, 15)
METRICS = ("pesq", "stoi", "lsd", "si_snr")
RECORDINGS, SECONDS = 12, 3.0

Change = Callable[[LocalHyperSound], None]


@dataclass(frozen=True)
class Row:
    """One model: a name, what is changed of the built model, and of its config."""

    name: str
    changes: tuple[Change, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    trained: bool = True
    also: tuple[str, Change] | None = None  # what is changed after the training, and then scored as another row

    def build(self) -> LocalHyperSound:
        """Return the model with random weights, the same wherever nothing is changed."""
        stored = preset("local")
        torch.manual_seed(stored.training.seed)
        model = LocalHyperSound(dataclasses.replace(stored.model, **self.sizes))
        for change in self.changes:
            change(model)
        return model


ROWS = (
    Row("full", also=("full, rounded to the nearest", local_parts.to_the_nearest)),
    Row("untrained", trained=False),
    Row(
        "no network: one step and one probability table for each wave",
        (local_parts.fixed_steps, local_parts.memoryless, local_parts.without_side, local_parts.plain),
    ),
    Row("without generator: y times its step, and 0 where nothing was sent", (local_parts.plain,)),
    Row("a generator that only shrinks", (local_parts.only_shrink,)),
    Row("without the guess of what tones leak", (local_parts.without_leak,)),
    Row("without context: probabilities from the side numbers alone", (local_parts.without_context,)),
    Row("without context or side numbers: a fixed table for each wave", (local_parts.memoryless,)),
    Row("without the network of neighbours", (local_parts.without_near,)),
    Row("without the network of signs: a bit for each", (local_parts.without_signs,)),
    Row("what is beyond the tables by a fixed code", (local_parts.without_excess,)),
    Row("without side numbers", (local_parts.without_side,)),
    Row("twice as many side numbers", sizes={"side": 40}),
    Row("side numbers for every frame", sizes={"side_held": 1}),
    Row("analysis learnt, from the transform", (local_parts.learnt_analysis,)),
    Row("analysis learnt, from random weights", (local_parts.random_analysis,)),
)


def run(quick: bool = False, speech: Path | None = None, limit: float = 300) -> dict:
    """Train every row for `limit` steps, and score it on unseen voices."""
    count, knobs = (20, KNOBS[::3]) if quick else (int(limit), KNOBS)
    chosen = excerpts(speech, 3 if quick else RECORDINGS, SECONDS)
    stored = preset("local")
    data = training_stores(corpora(speech), stored.model.sample_rate)
    sounds = [excerpt.at(stored.model.sample_rate) for excerpt in chosen]
    rows = []
    for row in ROWS:
        model, steps = row.build(), 0
        if row.trained:
            steps = trained(model, data, endless(stored.training, steps=count, validation_clips=16))[0].step
        rows.append(scored(row.name, steps, model.eval(), sounds, knobs))
        if row.also:
            name, change = row.also
            change(model)
            rows.append(scored(name, steps, model, sounds, knobs))
    return {"steps": count, "recordings": [e.name for e in chosen], "kbps": KBPS, "rows": rows}


def scored(name: str, steps: int, model: LocalHyperSound, sounds: list[Tensor], knobs: tuple[int, ...]) -> dict:
    """Return a row of the table: scores at each rate, and at each position of the knob."""
    curve = [measure(model, sounds, knob) for knob in knobs]
    at = [scores_at(kbps, curve, METRICS) for kbps in KBPS]
    return told({"row": name, "steps": steps, "at": at}) | {"curve": curve}


@torch.no_grad()
def measure(model: LocalHyperSound, sounds: list[Tensor], knob: int) -> dict:
    """Return the mean rate and scores at a position of the knob."""
    bits, pairs = 0.0, []
    for sound in sounds:
        gain = level_gain(survey([sound], model.config.hop).level)
        amplitudes = whole_packets(model.amplitudes(sound[None] / gain), model.config.packet)
        value = knob_value(knob).to(amplitudes).expand(len(amplitudes))
        sent = Packets(*(part.round() for part in model.quantise(amplitudes, value)))
        bits += sum(part.sum().item() for part in model.entropy.bits(*sent, value))
        theta = model.generate(sent, value).flatten(0, 1)[None]
        pairs.append((sound, gain * model.decode(theta, len(sound))[0]))
    seconds = sum(map(len, sounds)) / model.config.sample_rate
    scores = mean_scores(pairs, model.config.sample_rate, METRICS)
    return {"knob": knob, "kbps": bits / 1000 / seconds, **scores}
