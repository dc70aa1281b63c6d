"""Players: the true level, one gain, small files; and a player in a real browser that switches without a gap."""

import itertools

import numpy as np
import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.players import compare_html, players_html
from tests.notebook.sounds import RATE, played, tone


def test_a_quiet_sound_is_played_at_its_own_level():
    ((samples, rate, kind, _),) = played(players_html({"x": tone(440, level=0.01)}, RATE))
    assert np.abs(samples).max() == pytest.approx(0.01, abs=1e-4)
    assert (rate, kind) == (RATE, "flac")


@pytest.mark.parametrize("make", [players_html, compare_html])
def test_sounds_beyond_full_scale_are_lowered_together(make):
    page = make({"loud": tone(440, level=2.0), "soft": tone(440, level=0.2)}, RATE)
    loud, soft = (samples for samples, *_ in played(page))
    assert np.abs(loud).max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(soft).max() == pytest.approx(0.1, abs=1e-3)
    assert "all lowered by 6.0 dB" in page


def test_labels_are_escaped_and_silence_is_called_silence():
    page = compare_html({"<b>&": torch.zeros(100), '"': torch.zeros(100)}, RATE)
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert " · 0.00 s, silence" in page


def test_long_sounds_are_stored_small_and_whole():
    sound = tone(440, seconds=11)
    page = players_html({"long": sound, "short": sound[:RATE]}, RATE)
    (long, _, long_kind, _), (_, _, short_kind, _) = played(page)
    assert (long_kind, short_kind) == ("ogg", "flac")
    assert len(page) < 0.2 * 2 * len(sound)  # a fifth of 16 bits a sample
    assert len(long) == len(sound)
    assert np.abs(long - sound.numpy()).max() < 0.05


@pytest.mark.parametrize(
    ("seconds", "rate", "stored_at"), [(1, 3000, 9000), (0.1, 200_001, 48000), (11, 200_001, 48000)]
)
def test_rates_that_browsers_refuse_or_a_format_cannot_hold_are_stored_at_another(seconds, rate, stored_at):
    ((samples, found, *_),) = played(players_html({"x": tone(440, rate, seconds)}, rate))
    assert found == stored_at
    assert len(samples) == pytest.approx(seconds * found, abs=2)
    expected = tone(440, found, len(samples) / found).numpy()
    assert np.abs(samples - expected)[500:-500].max() < (1e-3 if seconds < 10 else 0.05)


def test_each_sound_may_have_its_own_rate():
    rates = {"low": 8000, "high": 44100}
    page = compare_html({name: tone(440, rate, seconds=1) for name, rate in rates.items()}, rates)
    assert [rate for _, rate, *_ in played(page)] == [8000, 44100]
    assert 'data-seconds="1.0000"' in page


NAN, ONES = torch.tensor([0.0, torch.nan]), torch.ones(100)
REFUSED = {
    "batch": (torch.zeros(1, 100), RATE, r"'x' cannot be played: .*\(1, 100\)"),
    "empty": (torch.zeros(0), RATE, r"'x' cannot be played: .*\(0,\)"),
    "NaN": (NAN, RATE, "'x' cannot be played: sample 1 of the sound is NaN"),
    "16 bit": (ONES.short(), RATE, "'x' cannot be played: .*from_int16"),
    "no rate": (ONES, 0, "positive number of Hz, not 0"),
    "half a rate": (ONES, 22050.5, "positive number of Hz, not 22050.5"),
    "a rate of another": (ONES, {"y": RATE}, "'x' has no sample rate; there are rates of y"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("make", [players_html, compare_html])
def test_what_cannot_be_played_is_refused_by_its_label(make, case):
    sound, rate, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        make({"x": sound, "y": ONES}, rate)


def test_arrays_halves_and_gradients_are_played_and_nothing_too():
    sounds = {"a": np.ones(9), "b": torch.ones(9).half(), "c": torch.ones(9, requires_grad=True)}
    assert len(played(players_html(sounds, RATE))) == 3
    assert played(players_html({}, RATE)) == played(compare_html({}, RATE)) == []


# In a browser. The sounds are rendered off line, in place of a sound card, so that every sample is known.

OFFLINE = """
window.AudioContext = class extends OfflineAudioContext {
  constructor() {
    super(1, 48000 * SECONDS, 48000);
    for (const [time, index] of SWITCHES) {
      super.suspend(time).then(() => {
        document.querySelectorAll("hypersound-compare [role=group] button")[index].click();
        super.resume();
      });
    }
  }
  async resume() {
    if (window.rendered) return;
    window.rendered = this.startRendering().then(sound => Array.from(sound.getChannelData(0)));
  }
};
"""


HERTZ = {"A": 440, "B": 660, "C": 550}


def tones(seconds=2):
    return compare_html({name: tone(hertz, seconds=seconds) for name, hertz in HERTZ.items()}, RATE)


@pytest.mark.notebooks
@pytest.mark.parametrize("switches", [[(0.5, 1)], [(0.31, 2), (0.77, 1), (0.8, 0), (1.4, 0)]])
def test_switching_leaves_no_gap_and_keeps_the_position(show, switches):
    script = OFFLINE.replace("SECONDS", "2").replace("SWITCHES", str([list(switch) for switch in switches]))
    page = show(tones(), script)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("window.rendered")
    heard = np.array(page.evaluate("window.rendered"))
    start = 0.01  # the player gives itself so long to begin
    blocks = heard[round(start * 48000) :][: 96000 // 240 * 240 - 480].reshape(-1, 240)  # of 5 ms
    level = np.sqrt((blocks**2).mean(axis=1)) / (0.5 / np.sqrt(2))
    assert level.min() > 0.6, "a gap"  # two tones that cross make a dip of 3 dB for an instant, and no hole
    assert level.max() < 1.5
    edges = [(start, 0), *switches, (2.0, None)]
    for (begin, index), (end, _) in itertools.pairwise(edges):
        instants = np.arange(round((begin + 0.01) * 48000), round((end - 0.001) * 48000))
        expected = 0.5 * np.sin(2 * np.pi * list(HERTZ.values())[index] * (instants / 48000 - start))
        assert np.abs(heard[instants] - expected).max() < 0.02, f"from {begin} s on it is not sound {index}"


@pytest.mark.notebooks
def test_the_player_is_operated_by_keys_and_says_what_it_does(show):
    page = show(tones(4))
    group = page.get_by_role("group", name="which sound is heard")
    buttons = group.get_by_role("button")
    assert buttons.all_inner_texts() == [f"{name} · 4.00 s, -9.0 dBFS RMS" for name in HERTZ]
    slider = page.get_by_role("slider", name="position in seconds")

    def position():
        return float(slider.input_value())

    def pressed():
        return [button.get_attribute("aria-pressed") for button in buttons.all()]

    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('hypersound-compare input[type=range]').value > 0.3")
    assert pressed() == ["true", "false", "false"]
    for _ in range(4):  # position, repetition, A, B
        page.keyboard.press("Tab")
    before = position()
    page.keyboard.press("Enter")
    after = position()
    assert pressed() == ["false", "true", "false"]
    assert before <= after < before + 1  # it went on from there
    page.get_by_role("button", name="Pause").press("Space")
    stood = position()
    page.wait_for_timeout(150)
    assert position() == stood >= after
    slider.press("End")
    assert position() == pytest.approx(4, abs=0.01)
    slider.press("Home")
    assert position() == 0
    assert "0.00 of 4.00 s" in page.inner_text("hypersound-compare")


@pytest.mark.notebooks
def test_one_player_silences_the_other_and_the_end_comes(show):
    page = show(tones(1) + tones(1))
    first, second = page.locator("hypersound-compare").all()
    first.get_by_role("button", name="Play").click()
    first.get_by_role("button", name="Pause").wait_for()
    second.get_by_role("button", name="Play").click()
    second.get_by_role("button", name="Pause").wait_for()
    first.get_by_role("button", name="Play").wait_for()
    second.get_by_role("button", name="Play").wait_for(timeout=5000)  # at its end
    assert second.get_by_role("slider").input_value() == "0"


@pytest.mark.notebooks
def test_without_web_audio_the_plain_players_stay(show):
    page = show(tones(), "delete window.AudioContext;")
    assert page.locator("audio:visible").count() == 3
    assert page.locator("hypersound-compare button").count() == 0
    page = show(tones())
    assert page.locator("audio:visible").count() == 0
    assert page.locator("hypersound-compare button:visible").count() == 4


@pytest.mark.notebooks
def test_a_player_that_arrives_later_is_built_too(show):
    """As in an `ipywidgets.HTML`, where no script runs."""
    page = show(tones())
    page.evaluate(
        "html => { const box = document.createElement('div'); document.body.append(box); box.innerHTML = html; }",
        tones(1),
    )
    page.locator("hypersound-compare").nth(1).get_by_role("button", name="Play").wait_for()
