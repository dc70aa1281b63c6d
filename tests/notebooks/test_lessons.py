"""A notebook's sections, and the lesson plans that are made of them."""

from pathlib import Path

import lessons
import nbformat
import pytest
import runtimes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sections import AT_HOME, FOLDED, Section, core_path, sections

from tests.notebooks.conftest import each_notebook

TITLES = ["One", "Two and a half", "Three", "Exercises", "References"]


def write(path: Path, *cells: str, seconds: float | None = None) -> Path:
    """Write a notebook: cells that begin with a heading are Markdown; each other one is code that ran for `seconds`."""
    ran = {} if seconds is None else {"papermill": {"duration": seconds}}
    is_code = [not cell.startswith("#") or cell.startswith(FOLDED) for cell in cells]
    made = [
        new_code_cell(cell, metadata=ran) if code else new_markdown_cell(cell)
        for cell, code in zip(cells, is_code, strict=True)
    ]
    nbformat.write(new_notebook(cells=made), path)
    return path


def read(path: Path) -> list[Section]:
    return sections(nbformat.read(path, as_version=4))


def test_the_plans_for_lecturers_are_in_step():
    rows = runtimes.measurements()
    page = runtimes.LECTURERS.read_text(encoding="utf-8")
    assert runtimes.render_lecturers(page, rows) == page, "run `make readme`"


@each_notebook
def test_sections_hold_all_of_a_notebook_and_a_core_path_with_a_discussion(path):
    found = read(path)
    kept = "".join(cell.source for section in found for cell in section.cells)
    whole = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert "".join(kept.split()) == "".join(whole.split())
    core = [section for section in found if section.core]
    assert sum(bool(section.code) for section in core) >= 3
    assert not [section.title for section in core if AT_HOME.match(section.title)]
    asked = [question for section in found for question in section.discussions]
    assert asked
    assert all(2 <= minutes <= 30 and len(text.split()) > 10 for minutes, text in asked)


@pytest.mark.parametrize(
    ("opening", "titles", "path"),
    [
        ("Nothing is named.", TITLES, {"One", "Two and a half", "Three"}),
        ('The core path is "One" and\n"Three" (45 minutes). Then read "Two".', TITLES, {"One", "Three"}),
        ('The core path is every section up to "Two" (45 minutes)', TITLES, {"One", "Two and a half"}),
        ("**Core path** (45 minutes): those marked ●.", ["● One", "Two"], {"● One"}),
    ],
)
def test_core_path(opening, titles, path):
    assert core_path(opening, titles) == path


def test_a_core_path_of_a_section_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"the core path names 'four'; the sections are \['One', 'Three'\]"):
        core_path('the core path is "One" and "Four" (45 minutes)', ["One", "Three"])


def test_only_what_is_open_is_counted_and_code_has_no_headings(tmp_path):
    prose = (
        "## First\n\nTwo [words](a/b.md) and $x + y$.\n\n```\n## Not a heading\n```\n\n<details>\nhidden\n</details>"
    )
    found = read(write(tmp_path / "n.ipynb", "# Title", prose, "a = 1\nb = 2", "# @title Folded\nc = 3"))
    assert [section.title for section in found] == ["Title", "First"]
    assert (found[1].words, found[1].lines) == (5, 2)


def test_a_plan_sums_the_core_path_and_says_what_was_not_measured(tmp_path):
    cells = ['# 9. Title\n\nThe core path is "A" and "B" (45 minutes).', "## A", "x = 1", "## B", "y = 1\nz = 2"]
    path = write(
        tmp_path / "09_n.ipynb", *cells, "## C", "w = 1", "## Discuss (5 minutes)\n\nWhy [so](08_m.ipynb)?", seconds=2
    )
    spent = [{"title": section.title, "seconds": section.seconds} for section in read(path) if section.code]
    assert spent == [{"title": title, "seconds": 2} for title in "ABC"]
    row = {"notebook": "09_n", "mode": "fast", "device": "cpu", "sections": spent}
    page = lessons.plans([path], [row])
    assert "| ● | B | 1 | 2 | 2 s |" in page
    assert "|  | C | 1 | 1 | 2 s |" in page
    assert "| **core path** | 18 | 3 | 4 s |" in page
    assert page.endswith("*Discuss, 5 minutes:* Why [so](../notebooks/08_m.ipynb)?")
    assert "| ● | B | 1 | 2 | not measured |" in lessons.plans([path], [row | {"mode": "full"}])
