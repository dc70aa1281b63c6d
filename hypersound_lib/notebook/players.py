"""Listening in a notebook: audio at its true level, with label, duration and level as text.

`play` is for one sound, `play_all` for several that differ, and `compare` for versions of one sound: a single player
that switches between them without a gap. An ear remembers a sound's detail for a second or two, so a pause between two
versions hides what differs. The player is a small script on the page (compare_player.js); where scripts do not run,
plain players are seen in its place.
"""

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
import soxr
from torch import Tensor

from hypersound_lib.data import as_sound
from hypersound_lib.data.writing import WRITE_BLOCK
from hypersound_lib.errors import ConfigError, check_sample_rate
from hypersound_lib.notebook import show_html

Rates = int | Mapping[str, int]  # in Hz: of all sounds, or of each by its label

COMPARE_SCRIPT = f"<script>{Path(__file__).with_name('compare_player.js').read_text(encoding='utf-8')}</script>"
_FLAC_SECONDS = 10.0  # longer sounds are stored as Vorbis, so that pages stay small
_LOWEST_RATE = 8000  # in Hz: the least that every browser has to play
_HIGHEST_RATE = 65535


def play(waveform: Tensor, sample_rate: int, label: str = "") -> None:
    """Show a player for one sound `(T,)` in a notebook; its level is left as it is.

    This function and the next two raise a ConfigError, with the label, where a sound is not as `as_sound` wants it, or
    a rate is none.
    """
    play_all({label: waveform}, sample_rate)


def play_all(sounds: Mapping[str, Tensor], sample_rate: Rates) -> None:
    """Show players for several sounds, all with one gain, so that their levels can be compared.

    The usual `IPython.display.Audio` brings every sound to full scale by itself: an almost silent one then plays as
    loud as its original. Here nothing changes unless a sound exceeds full scale; then all are lowered alike.
    """
    show_html(players_html(sounds, sample_rate))


def compare(sounds: Mapping[str, Tensor], sample_rate: Rates) -> None:
    """Show one player for several versions `(T,)` of a sound, which switches without a gap; all have one gain."""
    show_html(compare_html(sounds, sample_rate))


def players_html(sounds: Mapping[str, Tensor], sample_rate: Rates) -> str:
    """Return HTML with an audio element per sound, the audio embedded: FLAC, or Ogg Vorbis above 10 seconds.

    FLAC adds no error to those that are to be heard. Vorbis does, and keeps a page with long sounds small.

    Raises:
        ConfigError: a sound is not as `as_sound` wants it, or a rate is none or missing; the message has the label.
    """
    rates = {label: _rate(sample_rate, label) for label in sounds}
    arrays = {label: _array(waveform, label) for label, waveform in sounds.items()}
    peak = max([1.0, *(float(np.abs(a).max()) for a in arrays.values())])
    quiet = {label: samples / peak for label, samples in arrays.items()}
    rows = [_player_html(_player_text(name, a, rates[name], peak), a, rates[name]) for name, a in quiet.items()]
    return '<div style="display:flex;flex-wrap:wrap;gap:1em">' + "".join(rows) + "</div>"


def compare_html(sounds: Mapping[str, Tensor], sample_rate: Rates) -> str:
    """Return HTML with one player that switches between sounds without a gap, and with its script.

    All sounds run together and only one is let through, so the place in the sound stays when another is chosen. The
    shorter ones are silent at their end.

    Raises:
        ConfigError: as `players_html`.
    """
    players = players_html(sounds, sample_rate)
    if len(sounds) < 2:
        return players
    seconds = max(len(waveform) / _rate(sample_rate, label) for label, waveform in sounds.items())
    label = html.escape("switch between " + ", ".join(sounds), quote=True)
    return (
        f'<hypersound-compare role="group" aria-label="{label}" data-seconds="{seconds:.4f}" style="display:block">'
        f"{players}</hypersound-compare>{COMPARE_SCRIPT}"
    )


def blind_player_html(waveform: Tensor, sample_rate: int, label: str) -> str:
    """Return HTML with an audio element that tells only its label: level and duration would tell sounds apart.

    The level is left as it is; the caller sees to it that it does not exceed full scale.
    """
    return _player_html(label, _array(waveform, label), _rate(sample_rate, label))


def _array(waveform: Tensor, label: str) -> np.ndarray:
    try:
        return as_sound(waveform).numpy()
    except ConfigError as error:
        raise ConfigError(f"{repr(label) if label else 'the sound'} cannot be played: {error}") from error


def _rate(sample_rate: Rates, label: str) -> int:
    if isinstance(sample_rate, Mapping) and label not in sample_rate:
        raise ConfigError(f"{label!r} has no sample rate; there are rates of {', '.join(sample_rate) or 'nothing'}")
    rate = sample_rate[label] if isinstance(sample_rate, Mapping) else sample_rate
    check_sample_rate(rate)
    return rate


def _player_text(label: str, samples: np.ndarray, sample_rate: int, lowered_by: float) -> str:
    """Say label, duration and level, such as "a voice · 1.00 s, -6.0 dBFS RMS"."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    level = f"{20 * np.log10(rms):.1f} dBFS RMS" if rms > 0 else "silence"
    text = " · ".join(filter(None, [label, f"{len(samples) / sample_rate:.2f} s, {level}"]))
    if lowered_by > 1.006:  # below 0.05 dB it would read 0.0
        text += f" (all lowered by {20 * np.log10(lowered_by):.1f} dB)"
    return text


def _player_html(text: str, samples: np.ndarray, sample_rate: int) -> str:
    text = html.escape(text, quote=True)
    return (
        f'<figure style="margin:0"><figcaption>{text}</figcaption>'
        f'<audio controls aria-label="{text}" src="{_data_url(samples, sample_rate)}"></audio></figure>'
    )


def _data_url(samples: np.ndarray, sample_rate: int) -> str:
    """Return a sound as the address that holds it."""
    if sample_rate < _LOWEST_RATE:
        # A whole multiple, and soxr's steep filter: what is heard stays what this rate can hold.
        factor = -(-_LOWEST_RATE // sample_rate)
        samples = soxr.resample(samples, sample_rate, factor * sample_rate, "HQ")
        sample_rate *= factor
    elif sample_rate > _HIGHEST_RATE:  # neither format holds every such rate, and nobody hears more
        samples, sample_rate = soxr.resample(samples, sample_rate, 48000, "HQ"), 48000
    long = len(samples) > _FLAC_SECONDS * sample_rate
    kind, subtype = ("OGG", "VORBIS") if long else ("FLAC", "PCM_16")
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, format=kind, subtype=subtype) as file:
        for start in range(0, len(samples), WRITE_BLOCK):
            file.write(samples[start : start + WRITE_BLOCK])
    return f"data:audio/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
