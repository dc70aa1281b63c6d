"""The choices behind the `tutorial` preset: change one thing at a time, train each variant for the same time.

    make bench ARGS="sweep --limit 60"

Every variant gets as many steps as fit the limit on this machine, with the schedule stretched to them, and is scored on
whole recordings of the embedded corpus' test speakers.
"""

import dataclasses
from dataclasses import dataclass

import torch

from hypersound_lib.data import AudioStore
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.inr import FourierMLPConfig, SIRENConfig
from hypersound_lib.losses import LossConfig
from hypersound_lib.presets import preset
from hypersound_lib.training import TrainingConfig, training_stores
from tests.benchmarks.common import scores_of, told, trained

BASE = preset("tutorial")


@dataclass(frozen=True)
class Variant:
    """The preset with something changed."""

    changed: str
    value: str
    model: HyperSoundConfig = BASE.model
    training: TrainingConfig = BASE.training


def run(quick: bool = False, limit: float = 60.0) -> dict:
    """Train every variant for `limit` seconds; return what each scored."""
    limit, chosen = (4.0, variants()[:2]) if quick else (limit, variants())
    return {"limit_seconds": limit, "variants": [told(measure(variant, limit)) for variant in chosen]}


def varied(changed: str, value: str, **changes) -> Variant:
    """Return the preset with another value of some fields of its model, or of its training."""
    of_model = {field.name for field in dataclasses.fields(BASE.model)} & changes.keys()
    if of_model:
        return Variant(changed, value, model=dataclasses.replace(BASE.model, **changes))
    return Variant(changed, value, training=dataclasses.replace(BASE.training, **changes))


def variants() -> list[Variant]:
    """Return the preset itself, then each variant."""
    model, loss = BASE.model, BASE.training.loss
    layers = tuple(f"layers.{i}.{kind}" for i in range(5) for kind in ("weight", "bias"))
    octaves = FourierMLPConfig(hidden_layers=4, width=64, num_octaves=12)
    two_layers = FourierMLPConfig(2, 64, num_octaves=0, num_frequencies=model.num_samples // 2)

    def clip(num_samples: int, rate: int = model.sample_rate) -> dict:
        target = dataclasses.replace(model.target, num_frequencies=num_samples // 2)
        return {"num_samples": num_samples, "sample_rate": rate, "target": target}

    def width(units: int) -> FourierMLPConfig:
        return dataclasses.replace(model.target, width=units)

    last_alone = "4 × 64 on octaves, only the last layer generated"
    hidden, more = model.hypernetwork.hidden, dataclasses.replace(model.encoder, dilations=(1, 3, 9))
    return [
        Variant("nothing:", "the preset"),
        varied("clip", "64 ms", **clip(512)),
        varied("clip", "128 ms", **clip(1024)),
        varied("clip", "512 ms", **clip(4096)),
        varied("rate", "16 000 Hz", **clip(4096, 16000)),
        *(varied("target", f"width {units}", target=width(units)) for units in (2, 8, 32)),
        varied("target", "2 × 64, first layer shared", target=two_layers, shared=layers[:2]),
        varied("target", "4 × 64 on octaves, all generated", target=octaves),
        varied("target", last_alone, target=octaves, shared=layers[:8]),
        varied("target", "SIREN 3 × 64, all generated", target=SIRENConfig(3, 64, omega_0=6000.0)),
        varied("shared", "the first layer only", shared=layers[:2]),
        varied("hidden layers", "the paper's six", hypernetwork=HyperNetworkConfig()),
        varied("hidden layers", "two", hypernetwork=HyperNetworkConfig(hidden=(*hidden, *hidden))),
        varied("encoder", "dilations 1, 3, 9", encoder=more),
        varied("loss", "l1+mel, as in the paper", loss=dataclasses.replace(loss, terms="smooth_l1+mel_stft")),
        varied("loss", "log_nmse alone", loss=LossConfig("log_nmse")),
        varied("loss", "log_nmse+mel_stft", loss=dataclasses.replace(loss, terms="log_nmse+mel_stft")),
        varied("learning rate", "1e-4", learning_rate=1e-4),
        varied("learning rate", "1e-3", learning_rate=1e-3),
        varied("schedule", "constant", schedule="constant"),
        varied("moving average", "0.999", ema_decay=0.999),
    ]


def measure(variant: Variant, limit: float) -> dict:
    stores = training_stores("mini", variant.model.sample_rate)
    steps = steps_within(limit, variant, stores[0])
    training = shortened(variant, steps, min(variant.training.warmup_steps, steps // 4), validation_clips=8)
    torch.manual_seed(0)
    model = HyperSound(variant.model)
    result, _ = trained(model, stores, training)
    return {
        "changed": variant.changed,
        "value": variant.value,
        "steps": steps,
        "seconds": round(result.seconds, 1),
        "generated": model.hypernetwork.num_generated,
        "parameters": model.num_parameters(),
    } | scores_of(model, limit=12)


def steps_within(limit: float, variant: Variant, store: AudioStore) -> int:
    """Return how many steps fit the limit, from the pace of a few; the first ones only warm up."""
    for steps in (5, 20):
        training = shortened(variant, steps, 0, validation_clips=1, log_every=steps)
        result, _ = trained(HyperSound(variant.model), (store, store), training)
    return max(8, int(limit / (result.seconds / result.step)))


def shortened(variant: Variant, steps: int, warmup: int, **changes: int) -> TrainingConfig:
    """Return the variant's training with so many steps, and nothing written before the last."""
    settings = {"steps": steps, "warmup_steps": warmup, "validate_every": steps, "checkpoint_every": steps}
    return dataclasses.replace(variant.training, **settings, **changes)
