"""How long a clip may be: Table 1's `base` at clips of 16 to 512 ms, each trained for the same time.

    make bench ARGS="clip_length --limit 90"

The numbers per clip (200 units) stay, and so does the target's width; its frequencies reach half the sample rate at
each length. Scored are 16 recordings of voices that it was not trained on. Then, with `--speech`, models of 256 ms with
more units and fewer generated weights: what `hypersound-small`, which has 64 ms, would have to be to play longer clips.
Without a GPU see `bench_clip_numbers`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from hypersound_lib.evaluation import Excerpt, choose_excerpts
from hypersound_lib.experiments import scale
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.losses import LossConfig
from hypersound_lib.models import load_model
from hypersound_lib.training import TrainingConfig, training_stores
from tests.benchmarks.common import METRICS, SCORED, endless, scores_of, told, trained

HEARD = (*METRICS, "pesq")


@dataclass(frozen=True)
class Row:
    """A model: length of its clips, units that a clip passes through, width of its target."""

    milliseconds: int
    units: int = 200
    width: int = 16
    sample_rate: int = 16000
    batch_size: int = 32


LENGTHS = tuple(Row(milliseconds) for milliseconds in (16, 32, 64, 128, 256, 512))
LONGER = (Row(256, 400, 6), Row(256, 600, 4), Row(256, 800, 2))


def run(quick: bool = False, speech: Path | None = None, limit: float = 90.0) -> dict:
    """Train each row for `limit` seconds; those of real speech for ten thirds of that."""
    tested, _ = choose_excerpts("mini", split="test", limit=16, seconds=1.5)
    rows = LENGTHS[:1] if quick else LENGTHS
    results: dict = {"lengths": [measure(row, ["mini"], tested, limit) for row in rows]}
    if speech:
        corpora = ["mini", *(str(speech / name) for name in reversed(SCORED))]
        tested, _ = choose_excerpts(speech / "vctk16", split="test", limit=10, seconds=5.0)
        results["longer"] = [measure(row, corpora, tested, limit * 10 / 3, HEARD) for row in LONGER]
        results["hypersound-small"] = scores_of(load_model("hypersound-small"), tested, HEARD)
    return results


def measure(row: Row, corpora: list[str], tested: list[Excerpt], limit: float, metrics=METRICS) -> dict:
    """Train one model; return how far it came, and its scores on unseen voices."""
    base, cuda = scale("tutorial").runs["base"].model, torch.cuda.is_available()
    num_samples = row.milliseconds * row.sample_rate // 1000
    target = dataclasses.replace(base.target, width=row.width, num_frequencies=num_samples // 2)
    hypernetwork = HyperNetworkConfig(hidden=(row.units,))
    clip = {"sample_rate": row.sample_rate, "num_samples": num_samples}
    config = dataclasses.replace(base, **clip, hypernetwork=hypernetwork, target=target)
    longest = min(1024, num_samples)
    loss = LossConfig("log_nmse+0.2*mel_stft", (longest // 4, longest // 2, longest), n_mels=longest // 16)
    rate = {"learning_rate": 3e-4, "warmup_steps": 50, "max_grad_norm": 1.0, "ema_decay": 0.999}
    settings = {"batch_size": row.batch_size, "validate_every": 500, "cuda_graph": cuda}
    training = endless(TrainingConfig(loss=loss), **rate, **settings)
    torch.manual_seed(0)
    model = HyperSound(config)
    result, logs = trained(model, training_stores(corpora, config.sample_rate), training, limit, cpu=not cuda)
    scores = scores_of(model.eval().cpu(), tested, metrics)
    found = {"steps": result.step, "seconds": round(result.seconds, 1), "scores": scores}
    size = {"parameters": model.num_parameters(), "theta_per_second": model.theta_per_second}
    return told(dataclasses.asdict(row) | found) | size | {"validation": logs["validation"]}
