"""What is heard in a blind test: sounds under letters, in an order that a seed decides and that tells nothing.

After MUSHRA (ITU-R BS.1534-3): beside the known reference, all systems under letters, to be rated from 0 to 100. Among
them hides the reference itself, which shows whether the listener hears a difference at all, and an anchor, the
reference without what lies above 3.5 kHz, which ties one listener's scale to the next one's.

Loudness tells systems apart more easily than quality does, so all sounds of a trial are played with one gain: 1, unless
one of them exceeds full scale.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from hypersound_lib.errors import ConfigError

HIDDEN_REFERENCE = "hidden reference"
ANCHOR = "anchor (3.5 kHz)"


@dataclass(frozen=True, eq=False)  # tensors have no one answer to ==
class Recording:
    """One recording and what each system makes of it."""

    reference: Tensor  # (T,)
    systems: Mapping[str, Tensor]  # system's name -> (T,), at the same rate and from the same instant
    sample_rate: int  # of all of them, Hz


@dataclass(frozen=True, eq=False)
class Trial:
    """Sounds to be heard together, and the key that the listener must not see."""

    number: int  # from 1, in the order of listening
    recording: str  # its name
    reference: Tensor  # (T,) known to be the reference
    sounds: Mapping[str, Tensor]  # letter -> (T,)
    key: Mapping[str, str]  # letter -> system
    sample_rate: int  # Hz


def rating_test(recordings: Mapping[str, Recording], seed: int = 0) -> tuple[Trial, ...]:
    """Return one trial per recording, in which every system is rated from 0 to 100.

    Args:
        recordings: name -> recording. Names are shown to the listener.
        seed: of the order of trials, and of the letters in each.

    Raises:
        ConfigError: nothing to hear, sounds that are not finite or not of one length, a reserved name, more sounds
            than letters, or a rate at which nothing lies above 3.5 kHz.
    """
    _check(recordings)
    generator = np.random.default_rng(seed)
    trials = []
    for number, i in enumerate(generator.permutation(len(recordings)), start=1):
        name, recording = list(recordings.items())[i]
        anchor = low_anchor(recording.reference, recording.sample_rate)
        sounds = {HIDDEN_REFERENCE: recording.reference, **recording.systems, ANCHOR: anchor}
        if len(sounds) > len(string.ascii_uppercase):
            raise ConfigError(f"{name!r} has {len(sounds)} sounds for 26 letters: compare fewer systems at a time")
        key = dict(zip(string.ascii_uppercase, generator.permutation(list(sounds)).tolist(), strict=False))
        peak = max(1.0, *(sound.abs().max().item() for sound in sounds.values()))
        blind = {letter: sounds[system] / peak for letter, system in key.items()}
        trials.append(Trial(number, name, recording.reference / peak, blind, key, recording.sample_rate))
    return tuple(trials)


def low_anchor(waveform: Tensor, sample_rate: int) -> Tensor:
    """Remove what lies above 3.5 kHz, without a delay: `(T,) -> (T,)`.

    Raises:
        ConfigError: the rate is 7 kHz or less, at which nothing lies there.
    """
    if sample_rate <= 7000:
        raise ConfigError(f"at {sample_rate} Hz nothing lies above 3.5 kHz, as in the anchor: take a higher rate")
    half = sample_rate // 100  # a filter of 20 ms: about 150 Hz from passing to stopping
    taps = signal.firwin(2 * half + 1, 3500, fs=sample_rate)
    samples = waveform.detach().cpu().double().numpy()
    return torch.from_numpy(signal.convolve(samples, taps)[half : half + len(samples)]).to(waveform)


def _check(recordings: Mapping[str, Recording]) -> None:
    if not recordings:
        raise ConfigError("a listening test needs at least one recording; none was given")
    for name, recording in recordings.items():
        reserved = {HIDDEN_REFERENCE, ANCHOR} & set(recording.systems)
        if reserved or not recording.systems:
            raise ConfigError(
                f"{name!r} needs one system or more, of other names than {HIDDEN_REFERENCE!r}, {ANCHOR!r}"
            )
        for system, sound in {HIDDEN_REFERENCE: recording.reference, **recording.systems}.items():
            if not sound.isfinite().all():
                raise ConfigError(f"{name!r}: {system!r} holds NaN or infinite samples, which cannot be played")
            if sound.ndim != 1 or not len(sound) or len(sound) != len(recording.reference):
                raise ConfigError(
                    f"{name!r}: {system!r} has shape {tuple(sound.shape)}, not (T,) samples, as many as the reference: "
                    "the length would tell them apart. Cut them alike"
                )
