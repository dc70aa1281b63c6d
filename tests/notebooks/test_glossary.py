"""docs/glossary.md: one line for each term of the course, in order, and no term of a notebook is missing."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.conftest import ROOT, each_notebook, markdown

ENTRY = re.compile(r"- \*\*(?P<term>[^*]+)\*\*: (?P<text>.+\.) \[(?P<number>\d+)\]\(\.\./notebooks/(?P<file>\S+)\)")
LINES = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
ENTRIES = [ENTRY.fullmatch(line) for line in LINES if line.startswith("- ")]

MOST_NEW_TERMS = 9  # about eight

# Notebooks write a new term in bold letters. So they do with cues, such as "Listen", and with what is to be stressed.
CUE = re.compile(
    r"(drag|choose|listen|look|play|predict, then run|discuss|think|what you will learn|core path)\b", re.I
)
STRESSED = {
    "a function of time", "above 0 db", "after a disconnect", "bfloat16", "bias", "bits",
    "ctrl-c", "differences", "equal size", "fixed", "global", "half the level", "higher", "hold the first layer",
    "homeworks", "intervals share no point", "learning rate", "local", "lower", "muffle it", "noise", "not",
    "octaves", "once", "one", "ours", "random phase", "recording by recording", "reference itself, hidden", "silence",
    "slow motion", "slower and lower", "start", "stop button", "ten samples late", "upside down", "weights",
    "what a unit computes", "zeros",
}  # fmt: skip


def test_every_entry_is_one_plain_line_in_alphabetical_order_and_once():
    assert None not in ENTRIES, "an entry is: - **term**: a sentence. [number](../notebooks/file)"
    terms = [entry["term"].casefold() for entry in ENTRIES]
    assert len(terms) > 50
    assert terms == sorted(set(terms))
    assert all(len(entry["text"].split()) <= 30 for entry in ENTRIES)


def names(term: str) -> set[str]:
    """Return what a term is called: `log-spectral distance (LSD)` has two names."""
    return {name.strip().casefold() for name in re.split(r"[()]", term) if name.strip()}


@each_notebook
def test_every_term_that_a_notebook_introduces_is_explained(path):
    known = {name for entry in ENTRIES for name in names(entry["term"])}
    missing = [term for term in introduced(path) if not {term, term.removesuffix("s")} & (known | STRESSED)]
    assert missing == [], "put it into docs/glossary.md, or, if it is no term, into STRESSED"


def test_no_notebook_introduces_more_terms_than_a_reader_can_learn():
    numbers = Counter(entry["number"] for entry in ENTRIES)
    assert max(numbers.values()) <= MOST_NEW_TERMS, numbers


def introduced(path: Path) -> list[str]:
    """Return the words in bold letters that are neither a cue, nor a sentence or a label, which end with a sign."""
    prose = re.sub(r"```.*?```", "", markdown(nbformat.read(path, as_version=4).cells), flags=re.DOTALL)
    bold = (" ".join(text.split()).casefold() for text in re.findall(r"\*\*(.+?)\*\*", prose, re.DOTALL))
    return [text for text in bold if text[-1] not in ".:" and len(text.split()) <= 4 and not CUE.match(text)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["term"])
def test_a_term_stands_in_the_notebook_that_it_names(entry):
    path = ROOT / "notebooks" / entry["file"]
    assert int(path.name[:2]) == int(entry["number"])
    text = path.read_text(encoding="utf-8").casefold()
    assert any(name in text for name in names(entry["term"])), entry["term"]
