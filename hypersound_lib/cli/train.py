"""`hypersound train`: train a model on a corpus.

Train a HyperSound. OUT receives logs, checkpoints, and the best weights, for `hypersound reconstruct OUT`. Ctrl-C stops
after a checkpoint; `hypersound train --resume --out OUT` goes on. Options left out are the preset's, or on resuming the
run's.
"""

import argparse
import shlex
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch

from hypersound_lib.cli.flags import add_flags
from hypersound_lib.cli.run_settings import RunSource, read_settings
from hypersound_lib.cli.shared import plain_warnings
from hypersound_lib.devices import choose_device
from hypersound_lib.errors import ConfigError
from hypersound_lib.losses import LossConfig
from hypersound_lib.models import build_model, load_model
from hypersound_lib.presets import PRESETS, preset
from hypersound_lib.training import TrainingConfig, train, training_stores
from hypersound_lib.training.processes import join_processes


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on from the latest checkpoint in OUT")
    add_flags(parser, RunSource)
    parser.add_argument("--download", action="store_true", help="fetch a public corpus that is not there")
    parser.add_argument("--max-seconds", type=float, help="stop after so much time, as Ctrl-C would")
    of_device = "auto takes a GPU if there is one"
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help=of_device)
    training = parser.add_argument_group("training")
    add_flags(training, TrainingConfig, skip=("loss",), names={"num_workers": "--workers"})
    of_terms = "such as smooth_l1+0.1*mel_stft; or l1+mel, mel, l1+stft, stft"
    training.add_argument("--loss", dest="loss_terms", default=argparse.SUPPRESS, metavar="TERMS", help=of_terms)
    add_flags(training, LossConfig, "loss_", skip=("terms",))


def run(options: argparse.Namespace) -> int:
    """Train; return 130 when interrupted, else 0. In a launch of several processes, only the main one prints."""
    source, config = read_settings(options)
    model_config = preset(source.preset).model
    torch.manual_seed(config.seed)
    model = _starting_model(source, options.resume)
    cpu = choose_device(options.device).type == "cpu"
    processes = join_processes(config, cpu)
    main = processes.is_main_process
    # One process writes what all of them read.
    first = processes.main_process_first() if options.download or source.store else nullcontext()
    places = {"root": source.root, "download": options.download, "folder": source.store}
    with first, plain_warnings():
        rate = model_config.sample_rate
        stores = training_stores(source.data, rate, **places, minutes=source.minutes, progress=main)
    if main:
        print(_describe(source, config, model, stores), flush=True)
    session = {"resume": options.resume, "max_seconds": options.max_seconds, "cpu": cpu, "progress": main}
    origin = asdict(source) | {"seed": config.seed}
    result = train(model, *stores, config, options.out, **session, origin=origin)
    processes.destroy_process_group()  # of several: NCCL warns of what is left
    if main:
        print(_ending(result, options.out))
    return 130 if result.stop_reason == "interrupted" else 0


def _starting_model(source: RunSource, resume: bool):
    """Return the preset's model, with random weights where none are named or a checkpoint will bring its own."""
    config = preset(source.preset).model
    if source.weights is None or resume:
        return build_model(config)
    model = load_model(source.weights)
    if model.config != config:
        fitting = [f"--preset {name}" for name, other in PRESETS.items() if other.model == model.config]
        remedy = f"take {' or '.join(fitting)}" if fitting else f"no preset has its {model.config}"
        raise ConfigError(f"{source.weights} is no model of preset {source.preset!r}; {remedy}")
    return model


def _describe(source: RunSource, config: TrainingConfig, model, stores) -> str:
    """Say in a line what is trained on what, and how exactly."""
    train_store, validation_store = stores
    rate, num_samples = model.config.sample_rate, model.config.num_samples
    recordings, samples = len(train_store), int(train_store.lengths.sum())
    parameters, corpora = sum(model.num_parameters().values()), ", ".join(source.data)
    start = f", from {source.weights}" if source.weights else ""
    return (
        f"{source.preset}{start}: {parameters} parameters; {corpora}: {recordings} recordings, "
        f"{samples / rate / 3600:.3g} hours, {samples // num_samples} clips of {num_samples / rate:.3g} s, and "
        f"{len(validation_store)} recordings to validate on; {config.steps} steps of {config.batch_size} clips"
    )


def _ending(result, out: Path) -> str:
    """Say how the training ended, how good the model is, and how to go on."""
    why = {"steps": "finished", "time": "out of time", "interrupted": "interrupted"}[result.stop_reason]
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in result.validation.items())
    lines = [
        f"{why} after {result.step} steps and {result.seconds:.1f} s" + (f"; validation: {numbers}" if numbers else "")
    ]
    if (out / "best").is_dir():
        lines.append(f"the weights with the lowest validation loss are in {out / 'best'}")
    if result.stop_reason != "steps":
        lines.append(f"go on with: {shlex.join(['hypersound', 'train', '--resume', '--out', str(out)])}")
    elif not numbers:
        lines.append("there was nothing left to do; --resume with more --steps goes on")
    return "\n".join(lines)
