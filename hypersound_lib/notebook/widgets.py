"""Interactive views on core ipywidgets, in what versions 7 (Colab) and 8 (JupyterLab) share.

Everything is drawn beforehand, as pages of HTML such as a figure and a player each, so turning them answers at once.
Every view is shown in two forms at the same time: as a widget, where a kernel runs, and as HTML with a small script
(pages.js), for exported pages. Without scripts, as on GitHub, the pages can be unfolded one by one. Tab goes to a view,
the arrow keys turn its pages.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from hypersound_lib.data.waveforms import as_sound, resample
from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.players import COMPARE_SCRIPT, compare_html, players_html
from hypersound_lib.notebook.plots import COLOURS, figure, image_html, plot_sounds

_PAGES_SCRIPT = f"<script>{Path(__file__).with_name('pages.js').read_text(encoding='utf-8')}</script>"
_SOURCE = re.compile(r'src="(data:[^"]{1000,})"([^>]*>(?:</audio>)?)')


class Interactive:
    """A widget, and the HTML that stands in for it where no kernel runs; a notebook shows whichever it can.

    Both go into one output, as two forms of one thing: JupyterLab and Colab take the widget, exported pages the HTML.
    """

    def __init__(self, widget: Any, static_html: str):
        self.widget, self.static_html = widget, static_html

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {
            "text/plain": repr(self),
            "text/html": self.static_html,
            "application/vnd.jupyter.widget-view+json": view,
        }

    def __repr__(self) -> str:
        return f"Interactive({type(self.widget).__name__})"  # no address: it would differ from run to run


def page_slider(pages: Mapping[str, str], description: str, start: str | None = None) -> Interactive:
    """Return a slider that turns prepared pages of HTML.

    Args:
        pages: value as shown beside the slider -> HTML.
        description: what the slider changes.
        start: the value to begin with; None stands for the first one.

    Raises:
        ConfigError: there is no page, or `start` is none of them.
    """
    return _turned("SelectionSlider", pages, description, start, "range", layout={"width": "60%"})


def page_choice(pages: Mapping[str, str], description: str, start: str | None = None) -> Interactive:
    """Return a list to choose from, which turns prepared pages of HTML; all else as for `page_slider`."""
    return _turned("Dropdown", pages, description, start, "select")


def rate_slider(
    play_at: Callable[[int], Tensor], rates: Sequence[int], start: int | None = None, label: str = "sound"
) -> Interactive:
    """Return a slider that drags a sound's sample rate; waveform, spectrogram and player change with it.

    Args:
        play_at: from a rate in Hz to the sound `(T,)` at that rate.
        rates: in Hz; the highest one sets the frequency axis of all pictures.
        start: the rate to begin with; None stands for the first one.
        label: what is heard, and what it learnt from.
    """
    pages, top = {}, max(rates)
    for rate in rates:
        sound = play_at(rate).detach().cpu().float()
        name = f"{label} at {rate} Hz"
        alt = f"Waveform and spectrogram: {name}, which holds frequencies up to {rate / 2000:g} kHz."
        picture = image_html(plot_sounds({name: resample(sound, rate, top)}, top), alt)
        pages[f"{rate} Hz"] = picture + players_html({name: sound}, rate)
    return page_slider(pages, "sample rate", None if start is None else f"{start} Hz")


def weight_explorer(
    params: Mapping[str, Tensor],
    play: Callable[[dict[str, Tensor]], Tensor],
    sample_rate: int,
    changes: Mapping[str, Callable[[Tensor], Tensor]],
    dimensions: tuple[str, str],
    part: str,
    label: str = "weights",
) -> Interactive:
    """Return a list of layers: a picture and a histogram of the chosen one's weights, and the sound if they change.

    Args:
        params: name -> weights, `(n,)` or `(n, m)`; the first dimension is drawn to the right.
        play: from all weights, one layer changed, to the sound `(T,)`.
        sample_rate: of the sound, in Hz.
        changes: what is done to a layer, label -> function of its weights.
        dimensions: what the two dimensions count.
        part: what one of `params` is called, as the label of the list.
        label: what `params` are, and what they learnt from.
    """
    written = play(dict(params)).detach().cpu()
    pages = {}
    for name, weights in params.items():
        sounds = {f"{label}, as written": written}
        for done, change in changes.items():
            sounds[f"{label}, {name}: {done}"] = play({**params, name: change(weights)}).detach().cpu()
        matrix = weights.detach().cpu().float().reshape(len(weights), -1).numpy()
        alt = f"Left: the weights “{name}” as colours, {matrix.shape[0]} by {matrix.shape[1]}. Right: their histogram."
        picture = image_html(_weights_picture(name, matrix, dimensions), alt)
        pages[name] = picture + compare_html(sounds, sample_rate)
    return page_choice(pages, part)


class LiveTraining:
    """A training that can be watched and heard while it runs: a picture and a player, replaced in place.

    It is HTML from the start, so an executed notebook keeps the last state, and needs no kernel for it. Where a sound
    cannot be played, as when a training has diverged to NaN, its label and the reason stand there instead.
    """

    def __init__(self, sounds: Mapping[str, Tensor], sample_rate: int):
        """Show the player, with sounds that are there before the first step, such as the original."""
        from IPython.display import HTML, display

        self.sounds, self.sample_rate, self.picture = dict(sounds), sample_rate, ""
        self._display = display(HTML(self._page()), display_id=True)

    def update(self, label: str, sound: Tensor, picture_html: str | None = None) -> None:
        """Add a sound to the player, and show another picture (such as `image_html` returns)."""
        from IPython.display import HTML

        self.sounds[label] = sound
        self.picture = self.picture if picture_html is None else picture_html
        if self._display is not None:  # outside of notebooks there is none
            self._display.update(HTML(self._page()))

    def _page(self) -> str:
        playable, reasons = {}, ""
        for label, sound in self.sounds.items():
            try:
                playable[label] = as_sound(sound)
            except ConfigError as error:
                reasons += f"<p>{html.escape(f'{label} cannot be played: {error}')}</p>"
        return f"<div>{self.picture}{compare_html(playable, self.sample_rate)}{reasons}</div>"


def static_pages_html(pages: Mapping[str, str], description: str, start: str, control: str) -> str:
    """Return pages that a script on the page turns: `control` is a "range" or a "select".

    What several pages hold, be it a script or a sound, is written once. Where no script runs, its other places say in
    which page it is.
    """
    first: dict[str, tuple[str, str]] = {}  # the address that holds data -> its name, and its page's

    def share(page: str, match: re.Match) -> str:
        source, end = match.groups()
        if source in first:
            name, holder = first[source]
            return f'data-same="{name}"{end}<span data-elsewhere>the same as in “{html.escape(holder)}”</span>'
        first[source] = f"data-{len(first)}", page
        return f'data-name="{first[source][0]}" {match[0]}'

    body = "".join(
        f"<details{' open' * (name == start)}><summary>{html.escape(name)}</summary>"
        f"{_SOURCE.sub(partial(share, name), page.replace(COMPARE_SCRIPT, ''))}</details>"
        for name, page in pages.items()
    )
    scripts = (COMPARE_SCRIPT if "<hypersound-compare" in body else "") + _PAGES_SCRIPT
    label = html.escape(description, quote=True)
    return (
        f'<hypersound-pages data-control="{control}" data-label="{label}" data-start="{list(pages).index(start)}" '
        f'style="display:block">{body}</hypersound-pages>{scripts}'
    )


def _turned(kind: str, pages: Mapping[str, str], description: str, start: str | None, control: str, **options: Any):
    """Return a control of a kind that ipywidgets names, above the page that it has chosen."""
    import ipywidgets

    pages = dict(pages)
    start = next(iter(pages), None) if start is None else start
    if start not in pages:
        raise ConfigError(f"{description}: no page {start!r} to start with; there are {list(pages)}")
    style = {"description_width": "initial"}
    turner = getattr(ipywidgets, kind)(
        options=list(pages), value=start, description=description, style=style, **options
    )
    page = ipywidgets.HTML(value=pages[start])

    def turn(change):
        page.value = pages[change["new"]]

    turner.observe(turn, names="value")
    box = ipywidgets.VBox([turner, page, scripts_widget()])
    box.add_class("hypersound-view")  # pages.js keeps JupyterLab's keys away from it
    return Interactive(box, static_pages_html(pages, description, start, control))


def scripts_widget() -> Any:
    """Return an invisible widget that runs the players' and pages' scripts: an `ipywidgets.HTML` runs none."""
    import ipywidgets

    output = {"output_type": "display_data", "data": {"text/html": COMPARE_SCRIPT + _PAGES_SCRIPT}, "metadata": {}}
    return ipywidgets.Output(outputs=(output,))


def _weights_picture(name: str, matrix: np.ndarray, dimensions: tuple[str, str]) -> Figure:
    fig, axes = figure(9, 3, 1, 2, gridspec_kw={"width_ratios": (2, 1)})
    limit = max(float(np.abs(matrix).max()), 1e-12)
    image = axes[0, 0].imshow(
        matrix.T, origin="lower", aspect="auto", interpolation="nearest", cmap="RdBu_r", vmin=-limit, vmax=limit
    )
    axes[0, 0].set(title=name, xlabel=dimensions[0], ylabel=dimensions[1])
    axes[0, 0].locator_params(integer=True)
    bar = fig.colorbar(image, ax=axes[0, 0])
    bar.set_label("weight")
    bar.ax.set_ylim(float(matrix.min()), max(float(matrix.max()), float(matrix.min()) + 1e-6))  # what there is
    axes[0, 1].hist(matrix.ravel(), bins=60, color=COLOURS[0])
    axes[0, 1].set(xlabel="weight", ylabel="how many", yscale="log", title=f"{matrix.size} weights")
    return fig
