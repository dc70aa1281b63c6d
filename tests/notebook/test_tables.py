"""Tables of scores: the shade follows the rank, every number can be read, and labels are text."""

import math
import re

import pytest

from hypersound_lib.notebook.tables import rank_table_html

ROWS = {f"copy {i}": {"error": float(i), "quality": float(i)} for i in range(9)}


def cells(page: str) -> list[tuple[list[int], str, str]]:
    """Return `(background, text colour, text)` of each shaded cell, row by row."""
    found = re.findall(r"background:rgb\((\d+), (\d+), (\d+)\);color:(#\w+)\">([^<]*)<", page)
    return [([int(r), int(g), int(b)], text, value) for r, g, b, text, value in found]


def luminance(colour: list[int]) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_worse_the_darker_in_either_direction():
    page = cells(rank_table_html(ROWS, {"error": False, "quality": True}))
    errors, qualities = ([luminance(colour) for colour, _, _ in page[i::2]] for i in (0, 1))
    assert errors == sorted(errors, reverse=True)
    assert qualities == errors[::-1]
    assert len(set(errors)) == len(ROWS)


def test_every_number_stands_out_from_its_shade():
    rows = {f"copy {i}": {"error": float(i)} for i in range(100)}
    for colour, text, _ in cells(rank_table_html(rows, {"error": False})):
        dark, light = sorted([luminance(colour), {"#000": 0.0, "#fff": 1.0}[text]])
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, level AA


def test_equal_values_share_a_shade_and_nan_has_none():
    rows = {"a": {"x": 1.0}, "b": {"x": 1.0}, "c": {"x": math.nan}, "d": {"x": 2.0}}
    page = rank_table_html(rows, {"x": False})
    (first, *_), (second, *_), (last, *_) = cells(page)
    assert first == second != last
    assert ">none<" in page
    assert ">none<" in rank_table_html({"a": {"x": math.nan}}, {"x": True})


@pytest.mark.parametrize("rows", [{"only": {"x": 3.0}}, {"a": {"x": 3.0}, "b": {"x": 3.0}}])
def test_a_column_without_differences_is_all_best(rows):
    best = cells(rank_table_html(ROWS, {"error": False}))[0][0]
    assert all(colour == best for colour, _, _ in cells(rank_table_html(rows, {"x": True})))


def test_labels_are_escaped_and_headers_are_html():
    rows = {"<a>": {"x<y": 1.0}, "b": {"x<y": 2.0}}
    page = rank_table_html(rows, {"x<y": True}, {"b": "<audio></audio>"})
    assert "&lt;a&gt;" in page
    assert "x&lt;y ↑" in page
    assert "<audio></audio>" in page
