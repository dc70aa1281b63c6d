"""Errors that a user can remedy: each message names the value at fault and what to do about it."""

import difflib
from collections.abc import Iterable
from numbers import Integral
from typing import Any

LOWEST_RATE, HIGHEST_RATE = 100, 1_000_000  # Hz: from seismographs to ultrasound
_MOST_NUMBERS = 16  # in a tuple


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a question for a message about an unknown name, or nothing where no known one is like it.

    >>> suggestion("vctc", ["mini", "vctk"])
    "did you mean 'vctk'? "
    """
    nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {nearest[0]!r}? " if nearest else ""


class HyperSoundError(Exception):
    """Base of every error that this library raises on bad input; the command line prints it without a traceback."""


class AudioFileError(HyperSoundError):
    """A sound file is missing, unreadable, truncated, empty, or holds NaN or Inf."""


class DatasetError(HyperSoundError):
    """A dataset's name is unknown, or its folder does not hold what the name promises."""


class DownloadError(HyperSoundError):
    """A download could not be completed, verified or unpacked; nothing half-done is ever taken for whole."""


class ConfigError(HyperSoundError):
    """A setting has a value that cannot work."""


class MetricRefused(ConfigError):
    """A metric has no value for these signals."""


class CodeFileError(HyperSoundError):
    """A compressed sound is damaged, of another format or version, or was made by another model."""


class WeightsFileError(HyperSoundError):
    """A weights file is missing, is not safetensors, or was not written by this library."""


class TrainingError(HyperSoundError):
    """A training cannot go on: loss or gradient became NaN or infinite."""


def check_sample_rate(*rates: int) -> None:
    """Refuse what is no sample rate in Hz; outside the limits a sound would have no samples, or fill the memory.

    Raises:
        ConfigError: a rate is no whole number from 100 to 1 000 000.

    >>> check_sample_rate(22050, 10**9)
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: a sample rate is a positive number of Hz, not 1000000000: whole, 100 to 1000000
    """
    for rate in rates:
        whole = isinstance(rate, Integral) and not isinstance(rate, bool)
        if not whole or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            limits = f"whole, {LOWEST_RATE} to {HIGHEST_RATE}"
            raise ConfigError(f"a sample rate is a positive number of Hz, not {rate!r}: {limits}")


def limit_sizes(config: Any, **most: int) -> None:
    """Refuse sizes beyond their limits, before anything is built with them: a file can ask for any.

    Args:
        config: a dataclass.
        most: the limit of each size by its name; of every number in it where it is a tuple, which holds at most 16.

    Raises:
        ConfigError: a size is larger, or a tuple longer.

    >>> from hypersound_lib.hypersound.encoder import EncoderConfig
    >>> limit_sizes(EncoderConfig(strides=(2, 400)), strides=100)
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: strides is at most 100, not 400
    """
    for name, limit in most.items():
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if len(numbers) > _MOST_NUMBERS:
            raise ConfigError(f"{name} has at most {_MOST_NUMBERS} numbers, not {len(numbers)}")
        if numbers and max(numbers) > limit:
            raise ConfigError(f"{name} is at most {limit}, not {max(numbers)}")
