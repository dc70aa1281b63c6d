"""The listening test as a widget and as a page: what is heard, what is told, what is saved. No browser."""

import re
from html.parser import HTMLParser

import ipywidgets
import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.listening import ANCHOR, HIDDEN_REFERENCE, Answers, ranking, rating_test
from hypersound_lib.notebook.listening.widget import listening_page_html, listening_test
from tests.notebook.listening.made import recordings
from tests.notebook.sounds import played


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def find(box, kind, text=""):
    return [widget for widget in walk(box) if isinstance(widget, kind) and text in getattr(widget, "description", "")]


def press(box, text):
    (button,) = find(box, ipywidgets.Button, text)
    assert not button.disabled
    button.click()


def shown(box):
    return " ".join(widget.value for widget in find(box, ipywidgets.HTML))


def rate(box, value):
    for rating in find(box, ipywidgets.IntSlider):
        rating.value = value


def sounds_of(page):
    return {label: samples for samples, _, _, label in played(page)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.csv"


def test_a_rating_test_from_the_first_trial_to_the_ranking(path):
    trials = rating_test(recordings(2))
    box = listening_test(trials, path)
    for trial in trials:
        assert f"Trial {trial.number} of 2" in shown(box)
        assert [rating.description for rating in find(box, ipywidgets.BoundedIntText)] == [
            f"Rating of {letter}" for letter in trial.sounds
        ]
        for rating, system in zip(find(box, ipywidgets.BoundedIntText), trial.key.values(), strict=True):
            rating.value = {HIDDEN_REFERENCE: 100, "ours": 60, "theirs": 40, ANCHOR: 10}[system]
        press(box, "next")
        assert f"Trial {trial.number} saved to {path}" in shown(box)
    assert "All trials are answered" in shown(box)
    assert [*ranking(path)] == [HIDDEN_REFERENCE, "ours", "theirs", ANCHOR]
    table = shown(box)
    assert table.index(HIDDEN_REFERENCE) < table.index("ours") < table.index("theirs") < table.index(ANCHOR)
    assert all(button.disabled for button in find(box, ipywidgets.Button)), "who has seen the results changes nothing"


def test_number_and_slider_move_together_and_what_was_not_moved_is_not_saved(path):
    box = listening_test(rating_test(recordings(2)), path)
    first, second, *_ = find(box, ipywidgets.BoundedIntText)
    first.value = 70
    second.value, second.value = 51, 50  # moved and moved back: 50 is meant
    assert [slider.value for slider in find(box, ipywidgets.IntSlider)] == [70, 50, 50, 50]
    press(box, "next")
    assert "Still to rate: C, D" in shown(box)
    assert "Trial 1 of 2" in shown(box)
    assert not path.exists()


def test_going_back_shows_the_answer_and_lets_it_be_changed(path):
    trials = rating_test(recordings(2))
    box = listening_test(trials, path)
    assert find(box, ipywidgets.Button, "Back")[0].disabled
    rate(box, 30)
    press(box, "next")
    press(box, "Back")
    assert {rating.value for rating in find(box, ipywidgets.BoundedIntText)} == {30}
    find(box, ipywidgets.BoundedIntText)[0].value = 80
    press(box, "next")
    assert Answers(trials, path).given(trials[0]) == {"A": 80, "B": 30, "C": 30, "D": 30}


def test_a_new_widget_goes_on_where_the_last_one_stopped(path):
    box = listening_test(rating_test(recordings(), seed=2), path)
    rate(box, 30)
    press(box, "next")
    box = listening_test(rating_test(recordings(), seed=2), path)
    assert "Trial 2 of 3" in shown(box)
    assert "Going on after 1 of 3" in shown(box)
    with pytest.raises(ConfigError, match="another test"):
        listening_test(rating_test(recordings(1)), path)


def test_a_trial_that_lacks_an_answer_is_shown_again_with_the_others(path):
    trials = rating_test(recordings(2))
    for trial in trials:
        Answers(trials, path).rate(trial, dict.fromkeys("ABCD", 30))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + lines[2:]))  # trial 1, A
    box = listening_test(trials, path)
    assert "Trial 1 of 2" in shown(box)
    assert [rating.value for rating in find(box, ipywidgets.BoundedIntText)] == [50, 30, 30, 30]
    press(box, "next")
    assert "Still to rate: A (" in shown(box)
    rate(box, 60)
    press(box, "next")
    assert Answers(trials, path).first_open() == 2


def test_what_cannot_be_saved_or_read_is_reported_by_every_button_and_the_trial_stays(path):
    trials = rating_test(recordings(2))
    box = listening_test(trials, path)
    rate(box, 30)
    press(box, "next")
    path.write_text("spoilt")
    for button, message in (("Back", "The trial before cannot be shown"), ("next", "Not saved")):
        rate(box, 40)
        press(box, button)
        assert f"{message}: {path}: not a file of answers" in shown(box)
        assert "Trial 2 of 2" in shown(box), "the page stays as it is"
    box = listening_test(trials, path / "answers.csv")  # in a file that is no folder
    rate(box, 30)
    press(box, "next")
    assert "Not saved" in shown(box)
    assert "Trial 1 of 2" in shown(box)


def test_nothing_shown_tells_the_systems(path):
    trials = rating_test(recordings(2))
    box = listening_test(trials, path)
    for page in (shown(box), listening_page_html(trials).split("<details>")[0]):
        for telling in ("ours", "theirs", HIDDEN_REFERENCE, ANCHOR, "dBFS"):
            assert telling not in re.sub('base64,[^"]*', "", page)


def test_the_widget_and_the_page_play_the_trials_sounds_at_their_level(path):
    trials = rating_test(recordings(2))
    page = sounds_of(listening_page_html(trials))
    first = sounds_of(shown(listening_test(trials, path)))
    expected = {
        f"Trial {trial.number}, {letter}": sound
        for trial in trials
        for letter, sound in [*trial.sounds.items(), ("Reference", trial.reference)]
    }
    assert page.keys() == expected.keys()
    assert first.keys() == {label for label in expected if label.startswith("Trial 1,")}
    for label, samples in [*page.items(), *first.items()]:
        torch.testing.assert_close(torch.from_numpy(samples), expected[label].double(), rtol=0, atol=1e-4)


def test_the_page_holds_the_key_at_its_end_and_nothing_that_breaks_it():
    trials = rating_test(recordings(2))
    page = listening_page_html(trials)
    assert page.isascii(), "it reads the same in any encoding"
    assert "&lt;s0&gt;, &#233;" in page
    key = page.split("<details>")[1]
    for trial in trials:
        assert "; ".join(f"{letter} is {system}" for letter, system in list(trial.key.items())[:2]) in key
    depth = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attrs):
            depth.append(tag)

        def handle_endtag(self, tag):
            assert depth.pop() == tag

    Balance().feed(page)
    assert depth == []
