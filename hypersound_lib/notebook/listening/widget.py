"""The blind listening test to click through, and the same sounds as a plain page where no kernel runs.

Core ipywidgets only, in what versions 7 (Colab) and 8 (JupyterLab) share. Tab goes from control to control; the arrow
keys change a rating; the space bar presses a button and starts a player.
"""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from hypersound_lib.errors import ConfigError
from hypersound_lib.files import explain_os_error
from hypersound_lib.notebook.listening import Answers, Trial, ranking
from hypersound_lib.notebook.players import blind_player_html

_TASK = (
    "How close is each sound to the reference? 0: nothing in common, 100: no difference. "
    "One of them <em>is</em> the reference."
)


def listening_test(trials: Sequence[Trial], csv_path: str | os.PathLike) -> Any:
    """Return an `ipywidgets.VBox` that leads through a test and saves every answer; it begins where the file ends.

    Where no kernel runs, a notebook shows nothing of a widget: display `listening_page_html` as well.

    Args:
        trials: from `rating_test`.
        csv_path: of the file of answers, made when the first is given.

    Raises:
        ConfigError: the file holds something else, or answers to another test.
    """
    return _Guide(Answers(trials, csv_path)).box


def listening_page_html(trials: Sequence[Trial]) -> str:
    """Return the players of a test as plain HTML, with the key folded away at the end.

    It needs neither kernel nor network, and holds ASCII only: saved to a file, it is a page of its own.
    """
    parts = [f"<p>{_TASK} Write down what you hear; the key is at the end.</p>"]
    for trial in trials:
        sounds = {"Reference": trial.reference, **trial.sounds}
        players = "".join(_player(trial, name, sound) for name, sound in sounds.items())
        row = f'<div style="display:flex;flex-wrap:wrap;gap:1em">{players}</div>'
        parts.append(f"<section><h4>{_title(trial, trials)}</h4>{row}</section>")
    keys = ""
    for trial in trials:
        key = "; ".join(f"{letter} is {system}" for letter, system in trial.key.items())
        keys += f"<li>{_title(trial, trials)}: {html.escape(key)}</li>"
    parts.append(f"<details><summary>Key: which letter is which</summary><ul>{keys}</ul></details>")
    return "".join(parts).encode("ascii", "xmlcharrefreplace").decode()


class _Guide:
    """Turns the pages of a test: the trial, buttons, and what was saved."""

    def __init__(self, answers: Answers):
        import ipywidgets

        self.trials, self.answers, self.index = answers.trials, answers, answers.first_open()
        self.heading, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.page = ipywidgets.VBox()
        self.back = ipywidgets.Button(description="Back", tooltip="To the trial before, without saving this one")
        self.next = ipywidgets.Button(
            description="Save and next", tooltip="Save this trial and go on", button_style="primary"
        )
        self.back.on_click(lambda _: self._try(lambda: self._turn(self.index - 1), "The trial before cannot be shown"))
        self.next.on_click(lambda _: self._save())
        self.box = ipywidgets.VBox([self.heading, self.page, ipywidgets.HBox([self.back, self.next]), self.status])
        self._turn(self.index)
        if self.index:
            self._say(f"Going on after {self.index} of {len(self.trials)} trials in {self.answers.path}.")

    def _turn(self, index: int) -> None:
        """Show a trial with the answer that was given to it, or after the last one the results.

        The file is read first: where that fails, the page stays as it is.
        """
        import ipywidgets

        over = index == len(self.trials)
        if over:
            heading = "All trials are answered. Thank you."
            children = [ipywidgets.HTML(_results_html(self.answers.path))]
        else:
            trial = self.trials[index]
            heading, children = _title(trial, self.trials), self._rows(trial, self.answers.given(trial))
        self.index = index
        self.back.disabled, self.next.disabled = index == 0 or over, over  # once the results are seen, no more changes
        self.heading.value = f"<h4>{heading}</h4>" + ("" if over else f"<p>{_TASK}</p>")
        self.page.children = children

    def _rows(self, trial: Trial, given: Mapping[str, float]) -> list[Any]:
        """Make the reference's player, and per letter a player and a rating. A rating counts once it was changed.

        A rating is a number with a slider: a slider of ipywidgets has no name for a screen reader, a number box has.
        """
        import ipywidgets

        self.ratings: dict[str, Any] = {}
        self.touched = set(given)
        rows = [ipywidgets.HTML(_player(trial, "Reference", trial.reference))]
        for letter, sound in trial.sounds.items():
            rating = ipywidgets.BoundedIntText(
                value=round(given.get(letter, 50)),
                min=0,
                max=100,
                description=f"Rating of {letter}",
                layout=ipywidgets.Layout(width="12em"),
            )
            slider = ipywidgets.IntSlider(min=0, max=100, readout=False, layout=ipywidgets.Layout(width="16em"))
            ipywidgets.link((rating, "value"), (slider, "value"))
            rating.observe(lambda _, letter=letter: self.touched.add(letter), names="value")
            self.ratings[letter] = rating
            row = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
            rows.append(ipywidgets.HBox([ipywidgets.HTML(_player(trial, letter, sound)), rating, slider], layout=row))
        return rows

    def _save(self) -> None:
        """Save the trial and show the next one, or say why not."""
        if missing := [letter for letter in self.ratings if letter not in self.touched]:
            self._say(f"Still to rate: {', '.join(missing)} (if 50 is meant, change it and change it back).")
            return
        number = self.index + 1
        ratings = {letter: rating.value for letter, rating in self.ratings.items()}
        if self._try(lambda: self.answers.rate(self.trials[self.index], ratings), "Not saved") and self._try(
            lambda: self._turn(number), f"Trial {number} saved, but what follows cannot be shown"
        ):
            self._say(f"Trial {number} saved to {self.answers.path}.")

    def _try(self, action: Callable[[], None], failure: str) -> bool:
        """Do what a button asks for, or say why not: an exception in a callback would go unseen."""
        try:
            action()
        except ConfigError as error:
            self._say(f"{failure}: {error}")
        except OSError as error:
            self._say(f"{failure}: {explain_os_error(error, self.answers.path)}")
        else:
            return True
        return False

    def _say(self, text: str) -> None:
        self.status.value = f'<p role="status">{html.escape(text)}</p>'


def _title(trial: Trial, trials: Sequence[Trial]) -> str:
    return f"Trial {trial.number} of {len(trials)} · {html.escape(trial.recording)}"


def _player(trial: Trial, name: str, sound: Tensor) -> str:
    return blind_player_html(sound, trial.sample_rate, f"Trial {trial.number}, {name}")


def _results_html(path: Path) -> str:
    """Return a table of what the file's answers say."""
    header = ("system", "mean rating", "95 % interval", "ratings")
    rows = [
        (html.escape(system), f"{r.mean:.1f}", f"{r.low:.1f} to {r.high:.1f}" if r.count > 1 else "", r.count)
        for system, r in ranking(path).items()
    ]
    head = "".join(f'<th scope="col" style="text-align:left;padding-right:1em">{name}</th>' for name in header)
    cells = ("".join(f'<td style="padding-right:1em">{cell}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
