"""A notebook's sections: what slides, lesson plans and runtimes are made of.

A section is what follows a `## ` heading; the first one is the opening, under the notebook's title. The opening names
the core path, what a lesson of 45 minutes holds; where it names none all sections belong to it.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

FOLDED = "# @title "  # the first line of a code cell that readers see folded
AT_HOME = re.compile(r"exercises|references", re.IGNORECASE)
IN_CLASS = re.compile(r"discuss|summary", re.IGNORECASE)
UNREAD = re.compile(
    r"<details>.*?</details>|^```.*?^```|<!-- \w+:begin -->.*?<!-- \w+:end -->", re.DOTALL | re.MULTILINE
)
NUMBERS = {"two": 2, "three": 3, "five": 5, "ten": 10}
LABEL = r"## Discuss \((?P<heading>[^)]+)\)|\*\*(?P<label>(?:Discuss|Think for) [^*]+)\*\*"
DISCUSS = re.compile(rf"^(?:{LABEL})\s*(?P<text>.+?)(?=\n\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass
class Section:
    """A heading and its cells, and whether a short lesson holds it."""

    title: str
    core: bool = False
    cells: list[NotebookNode] = field(default_factory=list)

    @cached_property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> str:
        """What is read at once: no folded answers, no code, no measured runtimes."""
        text = "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")
        return UNREAD.sub("", text)

    @property
    def words(self) -> int:
        """Of the prose; an address is none, and a formula in a line is one."""
        text = re.sub(r"\$\$.*?\$\$|\]\(\S+\)", "", self.prose, flags=re.DOTALL)
        return len(re.findall(r"\w[\w'’-]*", re.sub(r"\$[^$]+\$", "formula", text)))

    @property
    def lines(self) -> int:
        """The lines of code that are not folded."""
        return sum(len(cell.source.splitlines()) for cell in self.code if not cell.source.startswith(FOLDED))

    @property
    def seconds(self) -> float:
        """How long its cells ran, in an executed copy of papermill's."""
        return sum(cell.metadata.get("papermill", {}).get("duration") or 0 for cell in self.code)

    @property
    def discussions(self) -> list[tuple[int, str]]:
        """Minutes and question of each discussion."""
        return [
            (minutes(match["heading"] or match["label"]), " ".join(match["text"].split()))
            for match in DISCUSS.finditer(self.prose)
        ]


def sections(notebook: NotebookNode) -> list[Section]:
    """Return the sections of `notebook`, the opening first.

    Raises:
        ValueError: the core path names a section that the notebook lacks.
    """
    found = [Section("")]
    for cell in notebook.cells:
        for part in split(cell) if cell.cell_type == "markdown" else [cell]:
            heading = re.match(r"## (.+)", part.source) if part.cell_type == "markdown" else None
            if heading and heading[1] != found[-1].title:  # one that is repeated goes on
                found.append(Section(heading[1].strip()))
            found[-1].cells.append(part)
    opening, *others = found
    title = re.search(r"^# (.+)$", opening.prose, re.MULTILINE)
    opening.title, opening.core = title[1].strip() if title else "", True
    on_path = core_path(opening.prose, [section.title for section in others])
    for section in others:
        section.core = bool(IN_CLASS.match(section.title)) or section.title in on_path
        section.title = section.title.removeprefix("● ")
    return found


def split(cell: NotebookNode) -> list[NotebookNode]:
    """Return a Markdown cell as several, a new one from each `## ` heading on that is not in code."""
    parts: list[list[str]] = [[]]
    in_code = False
    for line in cell.source.splitlines():
        in_code ^= line.startswith("```")
        if line.startswith("## ") and not in_code:
            parts.append([])
        parts[-1].append(line)
    texts = [text for text in ("\n".join(lines).strip() for lines in parts) if text]
    return [new_markdown_cell(text, id=f"{cell.get('id', 'cell')}-{index}") for index, text in enumerate(texts)]


def core_path(opening: str, titles: list[str]) -> set[str]:
    """Return the titles on the core path: those marked with ●, or those that the opening names, or else all.

    A name is the beginning of a title, in quotes, in `the core path is "One", "Two" and "Three" (45 minutes)` or in
    `the core path is every section up to "Three" (45 minutes)`.
    """
    titles = [title for title in titles if not AT_HOME.match(title)]
    if marked := {title for title in titles if title.startswith("●")}:
        return marked
    sentence = " ".join(opening.lower().partition("core path")[2].split()).partition("minutes)")[0]
    names = re.findall(r'"(.+?)"', sentence)
    if not names:
        return set(titles)
    chosen = set()
    for name in names:
        places = {i for i, title in enumerate(titles) if title.lower().startswith(name)}
        if not places:
            raise ValueError(f"the core path names {name!r}; the sections are {titles}")
        chosen |= set(range(max(places) + 1)) if f'up to "{name}"' in sentence else places
    return {titles[i] for i in chosen}


def minutes(label: str) -> int:
    """Add up the minutes that a label names, in figures or in words.

    >>> minutes("5 minutes, in pairs"), minutes("Think for two minutes, then discuss for ten.")
    (5, 12)
    """
    return sum(int(NUMBERS.get(word, word)) for word in re.findall(rf"\d+|{'|'.join(NUMBERS)}", label.lower()))
