"""Errors that a user can remedy: each message names the value at fault and what to do about it."""

import difflib
from collections.abc import Iterable
from numbers import Integral

LOWEST_RATE, HIGHEST_RATE = 100, 1_000_000  # Hz: from seismographs to ultrasound


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


class TooShortError(HyperSoundError):
    """A sound is shorter than the segment that was asked for."""


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
