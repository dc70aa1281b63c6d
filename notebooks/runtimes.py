"""The notebooks' measured runtimes: kept with provenance in data/results/notebooks.json, shown where readers look.

    python notebooks/runtimes.py   # render them into README.md, docs/lecturers.md and each notebook's second cell

`make runtimes` measures anew; tests/notebooks/test_runtimes.py sees that all pages are in step.
"""

import json
import re
import shlex
import sys
from pathlib import Path

import lessons
import nbformat

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
RESULTS = ROOT / "data" / "results" / "notebooks.json"
README = ROOT / "README.md"
LECTURERS = ROOT / "docs" / "lecturers.md"
BEGIN, END = "<!-- runtimes:begin -->", "<!-- runtimes:end -->"
DEVICES = {"cpu": "CPU", "cuda": "GPU"}
MODES = ("fast", "full")


def device_used(parameters: dict) -> str:
    """Return where the notebooks ran: what DEVICE named, or what "auto" means to the library."""
    import torch  # late: rendering needs no torch

    wanted = str(parameters.get("DEVICE", "auto"))
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted.partition(":")[0]


def record(path: Path, entries: dict, parameters: dict) -> None:
    """Merge one run's `entries` (of run.py's table: notebook -> title, seconds, …) into the results, with origin."""
    from hypersound_lib.files import atomic_path
    from hypersound_lib.provenance import provenance

    rows = json.loads(path.read_text())["runtimes"] if path.is_file() else []
    device = device_used(parameters)
    origin = provenance(shlex.join(["python", "notebooks/run.py", *sys.argv[1:]]), parameters.get("SEED", 0))
    for name, entry in entries.items():
        key = {"notebook": name, "mode": entry["mode"], "device": device}
        rows = [row for row in rows if {k: row[k] for k in key} != key]
        rows.append(key | {what: entry[what] for what in ("title", "seconds", "sections")} | {"provenance": origin})
    rows.sort(key=lambda row: (row["notebook"], row["device"], row["mode"]))
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"runtimes": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measurements() -> list[dict]:
    """Return the rows of the results file."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))["runtimes"] if RESULTS.is_file() else []


def duration(seconds: float) -> str:
    """Write seconds for a reader.

    >>> duration(8.26), duration(192), duration(7560)
    ('8 s', '3 min 12 s', '2 h 6 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def machine(row: dict) -> str:
    """Name the processor that a measurement used, and the release of torch."""
    origin = row["provenance"]
    found = origin["machine"]
    name = f"{found['cpu']}, {found['cpu_cores']} cores" if row["device"] == "cpu" else found["gpu"] or found["cpu"]
    return f"{name}, torch {origin['packages']['torch']}"


def table(rows: list[dict], texts: dict[str, str]) -> str:
    """Return the Markdown table, a row for each notebook and a column for each mode and device, and the machines.

    `texts` says what a reader does in a notebook; one that is not there yet has an empty cell.
    """
    if not rows:
        return "No runtimes have been measured yet."
    columns = [(m, d) for d in DEVICES for m in MODES if any((r["mode"], r["device"]) == (m, d) for r in rows)]
    hardware = {f"{DEVICES[row['device']]}: {machine(row)}" for row in rows}
    lines = [
        f"| Notebook | you will | {' | '.join(f'{mode}, {DEVICES[device]}' for mode, device in columns)} |",
        f"| --- | --- |{' ---: |' * len(columns)}",
    ]
    for name in sorted({row["notebook"] for row in rows}):
        own = {(row["mode"], row["device"]): row for row in rows if row["notebook"] == name}
        title = next(iter(own.values()))["title"]
        cells = [
            texts.get(name, ""),
            *(duration(own[column]["seconds"]) if column in own else "—" for column in columns),
        ]
        lines.append(f"| [{title}](notebooks/{name}.ipynb) | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Measured on {'; '.join(sorted(hardware))}."])


def sentence(rows: list[dict], name: str) -> str:
    """Return what the notebook `name` says of its own runtime."""
    own = [row for row in rows if row["notebook"] == name]
    if not own:
        return "not measured yet."
    own.sort(key=lambda row: (list(DEVICES).index(row["device"]), MODES.index(row["mode"])))
    parts = [f"{duration(row['seconds'])} in {row['mode']} mode ({machine(row)})" for row in own]
    return "; ".join(parts) + "."


def between_markers(text: str, content: str, name: str) -> str:
    """Return `text` with `content` between its two markers; `name` is what to call the text in an error."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{name} lacks the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}{content}{END}{after}"


def render_readme(readme: str, rows: list[dict]) -> str:
    """Return `readme` with the table of `rows`; what it says of each notebook is written there, and stays."""
    texts = dict(re.findall(r"^\| \[.+?\]\(notebooks/(\w+)\.ipynb\) \| (.*?) \|", readme, re.MULTILINE))
    return between_markers(readme, f"\n{table(rows, texts)}\n", "README.md")


def render_lecturers(page: str, rows: list[dict]) -> str:
    """Return the page for lecturers with the lesson plans."""
    return between_markers(page, f"\n{lessons.plans(sorted(FOLDER.glob('*.ipynb')), rows)}\n", "docs/lecturers.md")


def render_notebook(path: Path, rows: list[dict]) -> str:
    """Return the text of the notebook at `path` with its runtimes in the second cell."""
    notebook = nbformat.read(path, as_version=4)
    facts = notebook.cells[1]
    facts.source = between_markers(facts.source, sentence(rows, path.stem), f"{path.name}, second cell,")
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    rows = measurements()
    pages = {README: render_readme(README.read_text(encoding="utf-8"), rows)}
    pages[LECTURERS] = render_lecturers(LECTURERS.read_text(encoding="utf-8"), rows)
    pages |= {path: render_notebook(path, rows) for path in sorted(FOLDER.glob("*.ipynb"))}
    for path, text in pages.items():
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
