"""Listening in a notebook: audio at its true level, with label, duration and level as text."""

import base64
import html
import io
from collections.abc import Mapping

import numpy as np
import soundfile
from torch import Tensor


def play(waveform: Tensor, sample_rate: int, label: str = "") -> None:
    """Show a player for one sound `(T,)` in a notebook; its level is left as it is."""
    play_all({label: waveform}, sample_rate)


def play_all(sounds: Mapping[str, Tensor], sample_rate: int) -> None:
    """Show players for several sounds, all with one gain, so that their levels can be compared.

    The usual `IPython.display.Audio` brings every sound to full scale by itself: an almost silent one then plays as
    loud as its original. Here nothing changes unless a sound exceeds full scale; then all are lowered alike.
    """
    from IPython.display import HTML, display

    display(HTML(players_html(sounds, sample_rate)))


def players_html(sounds: Mapping[str, Tensor], sample_rate: int) -> str:
    """Return HTML with an audio element per sound, the audio embedded as FLAC."""
    arrays = {label: waveform.detach().cpu().float().numpy() for label, waveform in sounds.items()}
    peak = max(1.0, *(float(np.abs(a).max(initial=0.0)) for a in arrays.values()))
    quiet = {label: samples / peak for label, samples in arrays.items()}
    rows = [_player_html(_player_text(label, a, sample_rate, peak), a, sample_rate) for label, a in quiet.items()]
    return '<div style="display:flex;flex-wrap:wrap;gap:1em">' + "".join(rows) + "</div>"


def blind_player_html(waveform: Tensor, sample_rate: int, label: str) -> str:
    """Return HTML with an audio element that tells only its label: level and duration would tell sounds apart.

    The level is left as it is; the caller sees to it that it does not exceed full scale.
    """
    return _player_html(label, waveform.detach().cpu().float().numpy(), sample_rate)


def describe(waveform: np.ndarray, sample_rate: int) -> str:
    """Say duration and level in words.

    >>> describe(np.full(22050, 0.5), 22050)
    '1.00 s, -6.0 dBFS RMS'
    """
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0.0
    level = f"{20 * np.log10(rms):.1f} dBFS RMS" if rms > 0 else "silence"
    return f"{len(waveform) / sample_rate:.2f} s, {level}"


def _player_text(label: str, samples: np.ndarray, sample_rate: int, lowered_by: float) -> str:
    text = " · ".join(filter(None, [label, describe(samples, sample_rate)]))
    if lowered_by > 1.006:  # below 0.05 dB it would read 0.0
        text += f" (all lowered by {20 * np.log10(lowered_by):.1f} dB)"
    return text


def _player_html(text: str, samples: np.ndarray, sample_rate: int) -> str:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(buffer.getvalue()).decode()
    text = html.escape(text, quote=True)
    return (
        f'<figure style="margin:0"><figcaption>{text}</figcaption>'
        f'<audio controls aria-label="{text}" src="data:audio/flac;base64,{data}"></audio></figure>'
    )
