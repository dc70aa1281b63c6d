"""Docstrings as Markdown: doctests and drawings become blocks of code; Markdown alone would reflow or quote them."""

import re

import griffe

_DOCTEST = re.compile(r"^( *)>>> .*(?:\n\1(?=\S).*)*", re.MULTILINE)
_SECTION = re.compile(r"^(?:Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)
_DRAWING = re.compile(r"(?<=\n\n)(?: {2,}\S.*(?:\n|$))+")


class Docstrings(griffe.Extension):
    """Fences what is to keep its lines."""

    def on_object(self, *, obj, **kwargs) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """Return a docstring with doctests, and indented paragraphs before its sections, as blocks of code.

    >>> fenced("Says.\\n\\n  a -> b\\n\\nArgs:\\n    a: it.").splitlines()[2:5]
    ['```text', '  a -> b', '```']
    """
    section = _SECTION.search(text)
    end = section.start() if section else len(text)
    prose = _DRAWING.sub(lambda match: match[0] if ">>>" in match[0] else drawing(match[0]), text[:end])
    return _DOCTEST.sub(doctest, prose + text[end:])


def drawing(lines: str) -> str:
    return f"```text\n{lines.rstrip()}\n```\n"


def doctest(match: re.Match) -> str:
    """Return a doctest, which ends at an empty line, as a block of code."""
    indent = match[1]
    return f"\n{indent}```pycon\n{match[0]}\n{indent}```\n"
