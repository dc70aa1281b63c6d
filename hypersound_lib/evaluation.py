"""How well a model speaks in voices that it has not met: whole recordings, through `reconstruct`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hypersound_lib.data import AudioStore
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import lsd, nmse, si_snr, stoi
from hypersound_lib.model import HyperSound
from hypersound_lib.reconstruction import reconstruct


def spread_recordings(store: AudioStore, count: int, seconds: float = 5.0) -> list[Tensor]:
    """Return the first seconds of recordings spread evenly over a store, and so over its speakers.

    Args:
        store: recordings at one rate.
        count: how many to take; all if there are fewer.
        seconds: of each; shorter recordings are taken whole.

    Raises:
        ConfigError: nothing was asked for.
    """
    if count < 1 or seconds <= 0:
        raise ConfigError(f"ask for at least one recording and more than no time, not {count} of {seconds} s")
    chosen = torch.linspace(0, len(store) - 1, min(count, len(store))).round().long().unique().tolist()
    return [store.read(i, 0, int(seconds * store.sample_rate)) for i in chosen]


def evaluate(model: HyperSound, sounds: Sequence[Tensor], sample_rate: int) -> dict[str, float]:
    """Reconstruct sounds at their own rate and return the mean of each metric.

    Args:
        model: in whatever mode; it is evaluated in evaluation mode.
        sounds: waveforms `(T,)`, half a second of speech or more each, which STOI needs.
        sample_rate: of the sounds, in Hz.

    Returns:
        `stoi`, `nmse`, `si_snr` (dB), `lsd`, and `recordings`, how many there were.

    Raises:
        ConfigError: there are no sounds, or one is too short for a metric.
    """
    if not sounds:
        raise ConfigError("nothing to evaluate: the list of sounds is empty")
    was_training = model.training
    model.eval()
    rows = []
    for sound in sounds:
        copy = reconstruct(model, sound, sample_rate, sample_rate)
        rows.append(
            {
                "stoi": stoi(sound, copy, sample_rate).item(),
                "nmse": nmse(sound, copy).item(),
                "si_snr": si_snr(sound, copy).item(),
                "lsd": lsd(sound, copy, sample_rate).item(),
            }
        )
    model.train(was_training)
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} | {"recordings": len(rows)}
