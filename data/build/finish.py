"""How several trainings of the preset `local` become one model: the mean of their weights, then the code alone."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from hypersound_lib.coding.rate import random_knob_values
from hypersound_lib.data import AudioStore
from hypersound_lib.data.augment import codec_augmentation
from hypersound_lib.data.clips import RandomClips
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.progress import progress_bar
from hypersound_lib.training.checkpoint import Checkpoints

BATCH = 8  # packets
LEARNING_RATE, WARMUP = 5e-4, 30  # and its steps
LEAST_BITS = 50  # of a packet: so few are as good as none


def mean_of_averages(runs: Sequence[Path]) -> dict[str, Tensor]:
    """Return the mean over runs of the moving averages in their latest checkpoints.

    Trainings that began with the same weights, for not too long, stay near enough to each other for their mean to be a
    model, and a better one than each (Wortsman et al. 2022, "Model soups").

    Raises:
        ValueError: a run keeps no average, or their weights are not of the same names.
    """
    averages = []
    for run in runs:
        tensors = load_file(Checkpoints(run / "checkpoints", keep=1).saved()[-1] / "training.safetensors")
        averages.append({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
        if not averages[-1] or averages[-1].keys() != averages[0].keys():
            raise ValueError(f"{run}: keeps no average of the weights that the other runs have; train with ema_decay")
    return {name: torch.stack([found[name] for found in averages]).mean(dim=0) for name in averages[0]}


def train_code(model: LocalHyperSound, store: AudioStore, steps: int, seed: int) -> None:
    """Train a model's entropy model alone, in place, on whole packets of its own integers.

    A training's clips are shorter than a packet, so its code sees beginnings too often. The loss is the mean logarithm
    of a packet's bits: one of few bits counts as much as one of many. The frequencies to code with are not yet fixed.
    """
    torch.manual_seed(seed)
    hop, frames, code = model.config.hop, model.config.packet, model.entropy
    clips = RandomClips(store, hop * (frames + 2), steps * BATCH, codec_augmentation(store.sample_rate), seed=seed)
    optimiser = torch.optim.AdamW(code.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    for step in progress_bar(iterable=range(steps), desc="training the code", unit="step"):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (step + 1) / WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
        batch = torch.stack([clips[index] for index in range(step * BATCH, (step + 1) * BATCH)])
        with torch.no_grad():
            knobs = random_knob_values(BATCH, batch.device)
            sent = model.quantise(model.amplitudes(batch)[:, 1 : frames + 1], knobs)
        bits = sum(code.bits(*(part.round() for part in sent), knobs))
        optimiser.zero_grad()
        (bits + LEAST_BITS).log().mean().backward()
        torch.nn.utils.clip_grad_norm_(code.parameters(), 1.0)
        optimiser.step()
