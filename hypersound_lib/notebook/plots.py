"""The figures of the notebooks and of the command line: plain arrays in, matplotlib figures out.

One style throughout: colours that colour-blind readers can tell apart (Okabe and Ito 2008), axes with units, and
waveforms above spectrograms on one time axis. `show` puts a figure into a notebook together with a text that says
what it shows, for those who cannot see it.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from hypersound_lib.notebook import show_html

Waveform = Tensor | np.ndarray | Sequence[float]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DRAWINGS = Path(__file__).with_name("drawings")
_RANGE_DB = 80  # what a spectrogram shows below its loudest point


def figure(
    width: float = 9.0, height: float = 3.0, rows: int = 1, columns: int = 1, **kwargs: Any
) -> tuple[Figure, np.ndarray]:
    """Make a figure in the common style, with its axes as an array `(rows, columns)`.

    Sizes are in units of 110 pixels. Letters are larger in wide figures, which a page shows reduced.
    """
    inch = 0.9 * max(0.75, min(1.0, 9 / width))
    fig = Figure(figsize=(width * inch, height * inch), dpi=110 / inch, layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, **kwargs)
    for ax in axes.flat:
        ax.set_prop_cycle(color=COLOURS)
        ax.spines[["top", "right"]].set_visible(False)
    return fig, axes


def show(fig: Figure, alt: str) -> None:
    """Display a figure in a notebook; `alt` says in words what there is to see."""
    show_html(image_html(fig, alt))


def drawing(name: str, alt: str) -> None:
    """Display one of the library's drawings in a notebook: `drawings/NAME.svg`; `alt` says in words what it shows."""
    show_html(_img("svg+xml", (_DRAWINGS / f"{name}.svg").read_bytes(), alt))


def image_html(fig: Figure, alt: str) -> str:
    """Return a figure as an HTML image that carries its own pixels and never grows wider than the page."""
    from PIL import Image  # matplotlib stands on it

    drawn, buffer = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png")
    # 256 colours are as many as the colour map of a spectrogram has, and halve the file.
    Image.open(drawn).convert("RGB").quantize(256).save(buffer, format="png", optimize=True)
    return _img("png", buffer.getvalue(), alt)


def _img(kind: str, content: bytes, alt: str) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return f'<img src="{source}" alt="{html.escape(alt, quote=True)}" style="max-width:100%">'


def plot_waveform(ax: Axes, waveform: Waveform, sample_rate: int) -> None:
    """Draw one waveform `(T,)` against seconds."""
    samples = np.asarray(waveform)
    ax.plot(np.arange(len(samples)) / sample_rate, samples, linewidth=0.6)
    ax.set(xlabel="time (s)", ylabel="amplitude")


def plot_spectrogram(ax: Axes, waveform: Waveform, sample_rate: int, reference_power: float) -> AxesImage:
    """Draw one log-mel spectrogram of `(T,)`, in dB below `reference_power`; return the image for a colour bar."""
    import librosa

    power = _mel_power(waveform, sample_rate)
    level = 10 * np.log10(np.maximum(power, reference_power * 10 ** (-_RANGE_DB / 10)) / reference_power)
    seconds = len(waveform) / sample_rate
    image = ax.imshow(
        level, origin="lower", aspect="auto", extent=(0, seconds, 0, len(level)), vmin=-_RANGE_DB, vmax=0, cmap="magma"
    )
    ticks = [f for f in (500, 1000, 2000, 4000, 8000, 16000) if f < sample_rate / 2]
    ax.set(xlabel="time (s)", ylabel="frequency (kHz)")
    rows = librosa.hz_to_mel(ticks) / librosa.hz_to_mel(sample_rate / 2) * len(level)
    ax.set_yticks(rows, [f"{f / 1000:g}" for f in ticks])
    return image


def plot_sounds(sounds: Mapping[str, Waveform], sample_rate: int) -> Figure:
    """Draw sounds side by side, each as waveform above log-mel spectrogram, all on common axes.

    Args:
        sounds: label -> `(T,)`; the first one sets 0 dB of the spectrograms.
        sample_rate: in Hz, of all of them.
    """
    fig, axes = figure(4.2 * len(sounds) + 0.8, 4.6, 2, len(sounds), sharex=True, sharey="row")
    reference = max(float(_mel_power(next(iter(sounds.values())), sample_rate).max()), 1e-20)
    for column, (label, waveform) in enumerate(sounds.items()):
        plot_waveform(axes[0, column], waveform, sample_rate)
        image = plot_spectrogram(axes[1, column], waveform, sample_rate, reference)
        axes[0, column].set(title=_plain(label), xlabel="")
        if column > 0:
            axes[0, column].set_ylabel("")
            axes[1, column].set_ylabel("")
    fig.colorbar(image, ax=axes[1, -1]).set_label("level (dB)")
    return fig


def plot_spectra(sounds: Mapping[str, Waveform], sample_rate: int) -> Figure:
    """Draw the long-term magnitude spectra of sounds, smoothed over a twelfth of an octave, in dB."""
    fig, axes = figure(7.0, 3.2)
    ax = axes[0, 0]
    for label, waveform in sounds.items():
        samples = np.asarray(waveform, dtype=np.float64)
        power = np.abs(np.fft.rfft(samples)) ** 2
        hertz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
        edges = np.geomspace(20, sample_rate / 2, int(12 * np.log2(sample_rate / 40)) + 1)
        counts, _ = np.histogram(hertz, edges)
        sums, _ = np.histogram(hertz, edges, weights=power)
        filled = counts > 0
        centres = np.sqrt(edges[:-1] * edges[1:])[filled]
        level = 10 * np.log10(np.maximum(sums[filled] / counts[filled], 1e-12))
        ax.plot(centres, level, label=_plain(label), linewidth=1.2)
    ax.set(xlabel="frequency (Hz)", ylabel="level (dB)", xscale="log")
    ax.legend(frameon=False)
    return fig


def _plain(label: str) -> str:
    """Return a label that is drawn as it reads: no formula between two $, and no character that is none."""
    return label.encode(errors="backslashreplace").decode().replace("$", r"\$")


def _mel_power(waveform: Waveform, sample_rate: int, num_rows: int = 80) -> np.ndarray:
    """Return a mel power spectrogram `(rows, frames)`, windows of 46 ms every 6 ms."""
    import librosa

    samples = np.asarray(waveform, dtype=np.float32)
    n_fft = min(2 ** round(np.log2(0.046 * sample_rate)), len(samples))  # a very short sound is one window
    return librosa.feature.melspectrogram(
        y=samples, sr=sample_rate, n_fft=n_fft, hop_length=max(1, n_fft // 8), n_mels=num_rows
    )
