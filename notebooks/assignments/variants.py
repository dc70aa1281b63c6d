"""Variants of a homework: other clips, constants and conventions, chosen by a seed.

The second cell of a master declares what may change, in lists of alternatives:

    # IGNORE: variants
    logarithm of the spectral term:
      - ['natural logarithms', 'a.log()']
      - ['logarithms to base 2', 'a.log2()']

The first alternative is what the master says; all its texts are replaced together, wherever they stand. Seed n takes
alternative n of each list, counted round and round: seed 0 is the master, and neighbouring seeds differ in every list.
(otter drops the cell, as it does all that begin with `# IGNORE`.)
"""

import re
from copy import deepcopy

import yaml
from nbformat import NotebookNode

MARK = "# IGNORE: variants"


def replacements(master: NotebookNode, seed: int) -> dict[str, str]:
    """Return what a seed puts in place of which text.

    Raises:
        ValueError: the alternatives of a list differ in their number of texts, or a text of the master is not there.
    """
    declared = [cell.source for cell in master.cells if cell.source.startswith(MARK)]
    texts = "\0".join(cell.source for cell in master.cells if not cell.source.startswith(MARK))
    chosen = {}
    for name, alternatives in (yaml.safe_load(declared[0]) if declared else {}).items():
        own = alternatives[0]
        if any(len(texts) != len(own) for texts in alternatives):
            raise ValueError(f"variants, {name!r}: each alternative needs {len(own)} texts, as the first one has")
        if absent := [text for text in own if text not in texts]:
            raise ValueError(f"variants, {name!r}: the master does not say {absent}")
        chosen |= dict(zip(own, alternatives[seed % len(alternatives)], strict=True))
    return chosen


def replace(text: str, chosen: dict[str, str]) -> str:
    """Replace all texts at once, the longest first, so that none is sought in what another one has brought.

    >>> replace("sin, cos", {"sin": "cos", "cos": "sin"})
    'cos, sin'
    """
    pattern = "|".join(re.escape(old) for old in sorted(chosen, key=len, reverse=True))
    return re.sub(pattern, lambda match: chosen[match[0]], text) if chosen else text


def vary(master: NotebookNode, seed: int) -> NotebookNode:
    """Return the variant of a master that belongs to a seed; the one of seed 0 is the master itself."""
    variant, chosen = deepcopy(master), replacements(master, seed)
    for cell in variant.cells:
        if not cell.source.startswith(MARK):
            cell.source = replace(cell.source, chosen)
    return variant
