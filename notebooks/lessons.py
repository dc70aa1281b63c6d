"""The lesson plans in docs/lecturers.md: what is on each notebook's core path, how long it is, what to discuss.

Words and lines are counted in the notebooks; the seconds of the machine come from data/results/notebooks.json, which
`make runtimes` measures. notebooks/runtimes.py puts the plans into the page.
"""

import re
from pathlib import Path

import nbformat
from sections import AT_HOME, IN_CLASS, Section, sections

INTRODUCTION = """\
● marks the core path, which a notebook's opening names for a lesson of 45 minutes; where it names none, all sections
are on it. Words and lines are what is open: folded answers and folded code are not counted. The machine's time is that
of all cells of a section, in fast mode."""
BESIDE = re.compile(r"\]\((?=[^:)]+\))")  # a link from a notebook to its neighbour


def plans(paths: list[Path], rows: list[dict]) -> str:
    """Return the plans of the notebooks at `paths`, with the seconds that `rows` hold."""
    return "\n\n".join([INTRODUCTION, *(plan(path, measured(path.stem, rows)) for path in paths)])


def measured(name: str, rows: list[dict]) -> dict[str, float]:
    """Return section -> seconds of the notebook `name`; empty where they were not measured."""
    own = [row for row in rows if (row["notebook"], row["mode"], row["device"]) == (name, "fast", "cpu")]
    return {part["title"]: part["seconds"] for row in own for part in row.get("sections", [])}


def plan(path: Path, seconds: dict[str, float]) -> str:
    """Return the plan of one notebook: a row for each section, the core path's sums, and what to discuss."""
    opening, *others = sections(nbformat.read(path, as_version=4))
    taught = [opening, *(section for section in others if not AT_HOME.match(section.title))]
    core = [section for section in taught if section.core]
    lines = [
        f"### [{opening.title}](../notebooks/{path.name})\n",
        "| core | section | words | lines of code | machine |",
        "|---|---|---:|---:|---:|",
        *(row("●" if part.core else "", title(part, opening), [part], seconds) for part in taught),
        row("", "**core path**", core, seconds),
    ]
    for minutes, text in (discussion for part in taught for discussion in part.discussions):
        lines.append(f"\n*Discuss, {minutes} minutes:* {BESIDE.sub('](../notebooks/', text)}")
    return "\n".join(lines)


def title(part: Section, opening: Section) -> str:
    """Return what to call a section in the table: a discussion's minutes are told below."""
    discussion = IN_CLASS.match(part.title)
    return "Opening" if part is opening else discussion[0] if discussion else part.title


def row(mark: str, name: str, parts: list[Section], seconds: dict[str, float]) -> str:
    """Return a row of the table, for one section or for the sum of several."""
    words, lines = sum(part.words for part in parts), sum(part.lines for part in parts)
    run = [seconds.get(part.title) for part in parts if part.code]
    machine = "not measured" if None in run else f"{round(sum(run))} s" if run else "—"
    return f"| {mark} | {name} | {words} | {lines or '—'} | {machine} |"
