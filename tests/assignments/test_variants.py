"""A seed makes another homework of the same master, and nothing in it is left as the master had it."""

import nbformat
import pytest
import yaml
from variants import MARK, replacements, vary

from .hidden import hidden_lines
from .homework import HOMEWORKS


@pytest.fixture(params=HOMEWORKS, ids=str)
def master(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param.master, as_version=4)


def small(declared: str, *sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_raw_cell(f"{MARK}\n{declared}"), *map(nbformat.v4.new_code_cell, sources)]
    return nbformat.v4.new_notebook(cells=cells)


def test_seed_0_is_the_master(master):
    assert vary(master, 0) == master


def test_solutions_of_six_seeds_differ(master):
    """And so do the questions and the hidden tests: a solution from elsewhere does not answer them."""
    variants = [hidden_lines(vary(master, seed)) for seed in range(6)]
    for kind in ("solutions", "tests"):
        assert len({"\n".join(variant[kind]) for variant in variants}) == 6


def test_neighbouring_seeds_differ_in_every_list(master):
    declared = yaml.safe_load(next(cell.source for cell in master.cells if cell.source.startswith(MARK)))
    assert len(declared) >= 3
    for seed in range(6):
        now, then = replacements(master, seed), replacements(master, seed + 1)
        for name, alternatives in declared.items():
            assert any(now[text] != then[text] for text in alternatives[0]), name


def test_variant_says_nothing_of_what_it_replaces(master):
    chosen = replacements(master, 1)
    text = "\n".join(cell.source for cell in vary(master, 1).cells if not cell.source.startswith(MARK))
    for old, new in chosen.items():
        assert new in text
        assert old in new or old in chosen.values() or old not in text, old


def test_texts_may_change_places():
    variant = vary(small("order:\n  - [sin, cos]\n  - [cos, sin]", "sin(x), cos(x)"), 1)
    assert variant.cells[1].source == "cos(x), sin(x)"


@pytest.mark.parametrize(
    ("declared", "fault"),
    [("a:\n  - [x, y]\n  - [z]", "'a': each alternative needs 2"), ("a:\n  - [w]\n  - [z]", r"does not say \['w'\]")],
)
def test_faulty_declarations_are_refused(declared, fault):
    with pytest.raises(ValueError, match=fault):
        vary(small(declared, "x = y"), 1)
