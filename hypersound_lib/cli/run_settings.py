"""What a training run is made from: the command line's word first, then the run so far, then the preset."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

from hypersound_lib.cli.flags import given_fields
from hypersound_lib.config_json import T, from_json
from hypersound_lib.data import CORPORA
from hypersound_lib.errors import ConfigError
from hypersound_lib.files import refuse_same
from hypersound_lib.losses import LOSSES, LossConfig
from hypersound_lib.presets import preset
from hypersound_lib.training.checkpoint import Checkpoints
from hypersound_lib.training.config import TrainingConfig
from hypersound_lib.training.corpus import store_folder


@dataclass(frozen=True)
class RunSource:
    """What `hypersound train` starts from, beside the TrainingConfig; kept in RUN/run.json for `--resume`."""

    preset: str = "tutorial"  # model and training: tutorial (default), paper-base, paper-small, …
    weights: str | None = None  # adapt a trained model, by name or folder, in place of random weights
    data: tuple[str, ...] = ("mini",)  # corpora by name, or folders of audio (default: mini)
    root: str | None = None  # folder where public corpora lie
    store: str | None = None  # folder to decode into, for a corpus larger than memory
    minutes: float | None = None  # train on at most so many minutes of sound, drawn at random


def read_settings(options: argparse.Namespace) -> tuple[RunSource, TrainingConfig]:
    """Return what a run starts from and how it trains.

    Raises:
        ConfigError: the preset or a value is impossible, the folder is used already, there is nothing to resume, or
            what is written would take the place of recordings.
    """
    Checkpoints(options.out / "checkpoints", keep=1).check(options.resume)  # before a corpus is decoded, for an hour
    source, config = _read_run(options.out) if options.resume else (RunSource(), None)
    given = given_fields(options, RunSource)
    # Folders are absolute, so that the run can be resumed from another working directory.
    given |= {name: str(Path(given[name]).resolve()) for name in ("root", "store") if given.get(name)}
    if given.get("weights"):
        given["weights"] = _resolved(given["weights"])
    if "data" in given:
        given["data"] = tuple(map(_resolved, given["data"]))
    for name in ("preset", "weights"):
        if options.resume and given.get(name, getattr(source, name)) != getattr(source, name):
            raise ConfigError(
                f"{options.out} is a run of {name} {getattr(source, name) or 'random'!r}; "
                f"train {given[name]!r} in another --out"
            )
    source = replace(source, **given)
    _spare_recordings(source, options.out, preset(source.preset).model.sample_rate)
    return source, _changed(config or preset(source.preset).training, options)


def _changed(config: TrainingConfig, options: argparse.Namespace) -> TrainingConfig:
    """Return the config with what the command line gives in place of its own."""
    given = given_fields(options, LossConfig, "loss_")
    # A name stands for the paper's loss as it is; terms are taken at the resolutions of the preset.
    named = LOSSES.get(given.get("terms", ""))
    loss = replace(named, **given | {"terms": named.terms}) if named else replace(config.loss, **given)
    return replace(config, loss=loss, **given_fields(options, TrainingConfig))


def _spare_recordings(source: RunSource, out: Path, sample_rate: int) -> None:
    """Refuse a folder of recordings as the run's, and one within what a run or a store replaces."""
    recordings = [Path(name) for name in source.data if _is_folder(name)]
    refuse_same(recordings, [out])
    replaced = [out / "checkpoints", out / "best"]
    if source.store is not None:
        replaced += [store_folder(source.store, part, sample_rate) for part in ("train", "validation")]
    refuse_same([place for folder in recordings for place in (folder, *folder.parents)], replaced)


def _read_run(out: Path) -> tuple[RunSource, TrainingConfig]:
    """Return what a run wrote of itself."""

    def read(kind: type[T], name: str, unused: str = "") -> T:
        try:
            record = json.loads((out / name).read_text(encoding="utf-8"))
            return from_json(kind, {key: value for key, value in record.items() if key != unused})
        except (OSError, ValueError, AttributeError, ConfigError) as error:
            raise ConfigError(
                f"{out / name} cannot be read ({error}), so the run cannot be resumed from here; "
                "a run that was started in Python goes on there, with train(..., resume=True)"
            ) from error

    return read(RunSource, "run.json", unused="seed"), read(TrainingConfig, "training.json")


def _is_folder(data: str) -> bool:
    return data.lower() not in CORPORA and Path(data).is_dir()


def _resolved(name_or_folder: str) -> str:
    return str(Path(name_or_folder).resolve()) if _is_folder(name_or_folder) else name_or_folder
