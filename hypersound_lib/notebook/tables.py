"""Tables of scores for notebooks: the cells of each column are shaded from its best value to its worst.

A picture of a table would be mute to a screen reader, so this is HTML. The shade only repeats what the numbers say, in
one hue from light to dark, which every kind of colour vision can put in order.
"""

import html
import math
from collections.abc import Mapping, Sequence

from hypersound_lib.evaluation.results import short

_BEST, _WORST = (240, 246, 252), (8, 64, 129)  # light and dark blue, sRGB
_DARK = 0.69  # from this shade on, white has more contrast than black; either has 4.5 or more (WCAG 2.2)


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


def _shades(values: Sequence[float], higher_is_better: bool) -> list[float | None]:
    """Return 0 for the best value, 1 for the worst, by rank; equal values share a shade, and NaN has none.

    >>> _shades([3.0, 1.0, math.nan, 1.0, 2.0], higher_is_better=False)
    [1.0, 0.0, None, 0.0, 0.5]
    """
    order = sorted({value for value in values if not math.isnan(value)}, reverse=higher_is_better)
    return [None if math.isnan(value) else order.index(value) / max(len(order) - 1, 1) for value in values]


def _cell(value: float, shade: float | None) -> str:
    style = "text-align:right;padding:0.2em 0.6em"
    if shade is None:
        return f'<td style="{style}">none</td>'
    colour = tuple(round(best + shade * (worst - best)) for best, worst in zip(_BEST, _WORST, strict=True))
    text = "#000" if shade < _DARK else "#fff"
    return f'<td style="{style};background:rgb{colour};color:{text}">{short(value)}</td>'
