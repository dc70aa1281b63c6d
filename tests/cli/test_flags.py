"""Flags and fields are the same: whatever a config can say, its command can, and a new field has a flag at once."""

import argparse
from dataclasses import dataclass, fields, replace
from typing import get_type_hints

import pytest

from hypersound_lib.cli import COMMANDS, _parser
from hypersound_lib.cli.flags import add_flags, comments, given_fields
from hypersound_lib.cli.run_settings import read_settings
from hypersound_lib.fitting import FitConfig
from hypersound_lib.losses import LOSSES, LossConfig
from hypersound_lib.presets import preset
from hypersound_lib.training import TrainingConfig
from tests.fields import other_values

DEFAULT = preset("tutorial").training
OTHER_NAMES = {"--num-workers": "--workers", "--loss-terms": "--loss"}
FIELDS = [(config, field.name) for config in (TrainingConfig, LossConfig, FitConfig) for field in fields(config)]


def flag_of(name, prefix=""):
    flag = f"--{prefix}{name}".replace("_", "-")
    return OTHER_NAMES.get(flag, flag)


def trained(tmp_path, *words):
    return read_settings(_parser().parse_args(["train", "--out", str(tmp_path / "run"), *words]))[1]


@pytest.mark.parametrize(("config", "name"), [field for field in FIELDS if field != (TrainingConfig, "loss")])
def test_every_field_has_a_flag_that_sets_it_alone(tmp_path, config, name):
    before = {TrainingConfig: DEFAULT, LossConfig: DEFAULT.loss, FitConfig: FitConfig()}[config]
    value = other_values(get_type_hints(config)[name], getattr(before, name))[0]
    flag = flag_of(name, "loss_" if config is LossConfig else "")
    said = [] if isinstance(value, bool) else value if isinstance(value, tuple) else [value]
    words = [flag.replace("--", "--no-") if value is False else flag, *map(str, said)]
    after = replace(before, **{name: value})
    if config is FitConfig:
        assert given_fields(_parser().parse_args(["fit", "voice.wav", *words]), FitConfig) == {name: value}
    else:
        assert trained(tmp_path, *words) == (replace(DEFAULT, loss=after) if config is LossConfig else after)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_flag_says_what_it_does(command):
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    actions = commands.choices[command]._actions
    assert [action.option_strings for action in actions if action.option_strings and not action.help] == []


def test_without_flags_the_preset_holds_and_what_it_sets_can_be_taken_back(tmp_path):
    assert trained(tmp_path) == DEFAULT
    assert DEFAULT.max_grad_norm is not None
    assert trained(tmp_path, "--max-grad-norm", "none").max_grad_norm is None
    assert trained(tmp_path, "--compile", "--no-compile").compile is False


def test_a_loss_by_name_is_the_papers_and_terms_keep_the_presets_resolutions(tmp_path):
    assert trained(tmp_path, "--loss", "l1+stft").loss == LOSSES["l1+stft"]
    changed = trained(tmp_path, "--loss", "l1+stft", "--loss-n-mels", "8").loss
    assert changed == replace(LOSSES["l1+stft"], n_mels=8)
    assert trained(tmp_path, "--loss", "mse").loss == replace(DEFAULT.loss, terms="mse")


@dataclass
class Example:
    """Comments in all places where fields have them."""

    size: int = 1  # 50 % of what was
    # Said before it,
    # in two lines.
    scale: float | None = None
    bare: str = "#"
    both: tuple[int, ...] = (1,)  # its own


def test_a_fields_comment_is_its_flags_help():
    assert comments(Example) == {
        "size": "50 % of what was",
        "scale": "Said before it, in two lines.",
        "bare": "",
        "both": "its own",
    }
    parser = argparse.ArgumentParser()
    add_flags(parser, Example, "an_", defaults={"scale": "as it was"}, names={"bare": "--other"})
    text = " ".join(parser.format_help().split())
    assert "--an-size N 50 % of what was (default: 1)" in text
    assert "--an-scale X|none Said before it, in two lines. (default: as it was)" in text
    assert given_fields(parser.parse_args(["--other", "x"]), Example, "an_") == {"bare": "x"}


def test_a_field_that_no_flag_can_hold_is_noticed_at_once():
    with pytest.raises(TypeError, match=r"no flag can hold .*LossConfig.*by hand"):
        add_flags(argparse.ArgumentParser(), TrainingConfig)
