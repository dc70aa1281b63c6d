"""Figures: the picture shows what it is given."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import hypersound_lib
from hypersound_lib.notebook.plots import drawing, figure, image_html, plot_sounds, plot_spectra, plot_spectrogram
from tests.notebook.sounds import RATE, tone


@pytest.mark.parametrize("hertz", [500, 2000, 8000])
def test_a_tone_stands_at_its_tick_in_the_spectrogram(hertz):
    _, axes = figure()
    image = plot_spectrogram(axes[0, 0], tone(hertz), RATE, reference_power=1.0)
    level = np.asarray(image.get_array())
    row = level[:, level.shape[1] // 2].argmax() + 0.5
    labels = [float(label.get_text()) * 1000 for label in axes[0, 0].get_yticklabels()]
    position = axes[0, 0].get_yticks()[labels.index(hertz)]
    assert abs(row - position) < 1.5


def test_sounds_share_axes_and_colour_scale():
    fig = plot_sounds({"loud": tone(440), "soft": tone(440, level=0.005)}, RATE)
    loud, soft = (ax.images[0] for ax in fig.axes if ax.images and ax.get_ylabel() != "level (dB)")
    assert loud.get_clim() == soft.get_clim()
    assert np.max(loud.get_array()) == pytest.approx(0, abs=1e-4)
    assert np.max(soft.get_array()) == pytest.approx(-40, abs=0.5)
    waves = [ax for ax in fig.axes if ax.lines]
    assert waves[0].get_ylim() == waves[1].get_ylim()


def test_silence_and_very_short_sounds_can_be_drawn():
    for waveform in (torch.zeros(2000), tone(440, seconds=10 / RATE)):
        assert "data:image/png" in image_html(plot_sounds({"x": waveform}, RATE), "x")


def test_spectrum_has_its_peak_at_the_tone():
    (line,) = plot_spectra({"x": tone(1000)}, RATE).axes[0].lines
    peak = line.get_xdata()[np.argmax(line.get_ydata())]
    assert abs(np.log2(peak / 1000)) < 1 / 12


def test_images_carry_their_text():
    fig, _ = figure()
    assert 'alt="a &quot;quoted&quot; text"' in image_html(fig, 'a "quoted" text')


@pytest.mark.parametrize(
    "path", sorted(Path(hypersound_lib.__file__).parent.glob("notebook/drawings/*.svg")), ids=lambda p: p.stem
)
def test_drawings_carry_their_text_and_need_no_other_file(path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    drawing(path.stem, 'a "quoted" text')
    assert 'alt="a &quot;quoted&quot; text"' in shown[0].data
    source = base64.b64decode(re.search(r"base64,([^\"]+)", shown[0].data)[1])
    assert source == path.read_bytes()
    assert ElementTree.fromstring(source).tag.endswith("svg")
    assert not re.search(rb"href|@import|url\((?!#)", source)


@pytest.mark.parametrize("label", ["a$x_{$.wav", r"a\$b$c", "$5", "caf\udce9.wav"])
def test_a_label_is_drawn_as_it_reads(label):
    read = label.replace("\udce9", r"\udce9")
    drawn = [plot_sounds({label: tone(500)}, RATE), plot_spectra({label: tone(500)}, RATE)]
    (title,) = {ax.title for ax in drawn[0].axes if ax.get_title()}
    for text in [title, *(fig.axes[0].get_legend().get_texts()[0] for fig in drawn[1:])]:
        shown, is_formula = text._preprocess_math(text.get_text())
        assert (shown, is_formula) == (read, False)
    assert all(image_html(fig, "") for fig in drawn)
