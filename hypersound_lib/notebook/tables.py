"""Tables of scores for notebooks: the cells of each column are shaded from its best value to its worst.

A picture of a table would be mute to a screen reader, so this is HTML. The shade only repeats what the numbers say, in
one hue from light to dark, which every kind of colour vision can put in order.
"""

import html
import math
from collections.abc import Mapping, Sequence

from hypersound_lib.evaluation.results import short

_BEST, _WORST = (240, 246, 252), (8, 64, 129)  # light and dark blue, sRGB


def rank_table_html(
    rows: Mapping[str, Mapping[str, float]],
    higher_is_better: Mapping[str, bool],
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return a table of scores as HTML: the darker a cell, the worse its rank in its column.

    Args:
        rows: label -> column -> value; NaN stands for "no value".
        higher_is_better: column -> its direction, in the order of the columns.
        headers: label -> HTML to stand at the head of its row in the label's place, such as a player.
    """
    heads = "".join(
        f'<th scope="col" style="text-align:right;padding:0.2em 0.6em">{html.escape(name)} {"↑" if up else "↓"}</th>'
        for name, up in higher_is_better.items()
    )
    shades = {name: _shades([row[name] for row in rows.values()], up) for name, up in higher_is_better.items()}
    lines = []
    for i, (label, row) in enumerate(rows.items()):
        head = (headers or {}).get(label, html.escape(label))
        cells = "".join(_cell(row[name], shades[name][i]) for name in higher_is_better)
        lines.append(f'<tr><th scope="row" style="text-align:left;font-weight:normal">{head}</th>{cells}</tr>')
    return f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def ranks(values: Sequence[float], higher_is_better: bool) -> list[int | None]:
    """Return each value's rank, 0 for the best; equal values share one, and NaN has none.

    >>> ranks([3.0, 1.0, math.nan, 1.0, 2.0], higher_is_better=False)
    [2, 0, None, 0, 1]
    """
    order = sorted({value for value in values if not math.isnan(value)}, reverse=higher_is_better)
    return [None if math.isnan(value) else order.index(value) for value in values]


def _shades(values: Sequence[float], higher_is_better: bool) -> list[float | None]:
    """Return 0 for the best value, 1 for the worst."""
    places = ranks(values, higher_is_better)
    last = max((place for place in places if place is not None), default=0)
    return [None if place is None else place / max(last, 1) for place in places]


def _cell(value: float, shade: float | None) -> str:
    style = "text-align:right;padding:0.2em 0.6em"
    if shade is None:
        return f'<td style="{style}">none</td>'
    colour = [round(best + shade * (worst - best)) for best, worst in zip(_BEST, _WORST, strict=True)]
    text = "#000" if _luminance(colour) > 0.18 else "#fff"  # from there on, black has less contrast than white
    return f'<td style="{style};background:rgb{tuple(colour)};color:{text}">{short(value)}</td>'


def _luminance(colour: Sequence[int]) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
