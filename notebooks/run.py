"""Execute notebooks with papermill; write executed copies, HTML pages and a table of seconds.

    python notebooks/run.py                        # every notebook, in fast mode
    python notebooks/run.py 02 --full -p SEED 7    # one, by the start of its name, in full mode, another seed

Under build/ it leaves notebooks/*.ipynb (executed), notebooks/timings.json and html/*.html with an index. The
source notebooks are not touched. A failing notebook does not stop the others; the exit code tells at the end.
"""

import argparse
import ast
import html
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
import papermill
import runtimes
from filelock import FileLock
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from papermill.exceptions import PapermillExecutionError
from sections import sections
from traitlets.config import Config

from hypersound_lib.files import atomic_path

FOLDER = Path(__file__).resolve().parent
BUILD = FOLDER.parent / "build"
FAST_CELL_SECONDS = 3600  # a cell that takes longer in fast mode hangs, on a slow machine, too
TRACEBACK_LINES = 15
# Kernels warn of messages in plain text unless asked to encrypt them; releases without this setting pass over it.
KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})
WIDGET = "application/vnd.jupyter.widget-view+json"  # on a page without a kernel its HTML form is shown instead


def find(names: list[str], folder: Path = FOLDER) -> list[Path]:
    """Return the notebooks meant by `names` (paths, or beginnings of names in `folder`); all of them if empty."""
    present = sorted(folder.glob("*.ipynb"))
    if not present and not names:
        raise SystemExit(f"there is no notebook in {folder}")
    chosen = [] if names else present
    for name in names:
        matches = [Path(name).resolve()] if Path(name).is_file() else [p for p in present if p.name.startswith(name)]
        if not matches:
            raise SystemExit(f"no notebook {name!r}; there are {[p.stem for p in present]}")
        chosen += matches
    return chosen


def check_parameters(path: Path, parameters: dict) -> None:
    """Raise ValueError on a name that the notebook's `parameters` cell lacks: papermill itself only warns."""
    known = papermill.inspect_notebook(path)
    if unknown := sorted(set(parameters) - set(known)):
        raise ValueError(f"{path.name} has no parameter {', '.join(unknown)}; it has {', '.join(known) or 'none'}")


def execute(path: Path, copy: Path, parameters: dict, cell_seconds: int | None) -> None:
    """Execute `path` with the kernel that it names and write the executed `copy`, even of a failing notebook."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)  # so that a failure cannot leave an older, good copy
    check_parameters(path, parameters)
    papermill.execute_notebook(
        path,
        copy,
        parameters,
        cwd=copy.parent,  # where nbval will run the copy again, and away from the sources
        execution_timeout=cell_seconds,
        start_timeout=120,
        progress_bar=False,
        config=KERNEL,
    )


def explain(error: Exception) -> str:
    """Return what a reader needs to find the fault: the cell and the end of its traceback."""
    if not isinstance(error, PapermillExecutionError):
        return f"{type(error).__name__}: {error}"
    lines = strip_ansi("\n".join(error.traceback)).splitlines()[-TRACEBACK_LINES:]
    source = "\n".join(f"    {line}" for line in error.source.splitlines())
    return f"in cell {error.cell_index}, In [{error.exec_count}]:\n{source}\n" + "\n".join(lines)


def write_html(copy: Path, page: Path) -> str:
    """Write `copy` as a web page and return its title, the first heading."""
    notebook = nbformat.read(copy, as_version=4)
    headings = (re.search(r"^# (.+)$", c.source, re.MULTILINE) for c in notebook.cells if c.cell_type == "markdown")
    title = next((match[1].strip() for match in headings if match), copy.stem)
    notebook.metadata.pop("widgets", None)  # or the page would load the widgets' scripts from the network
    priority = [kind for kind in HTMLExporter().default_config.NbConvertBase.display_data_priority if kind != WIDGET]
    exporter = HTMLExporter(config=Config({"NbConvertBase": {"display_data_priority": priority}}))
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(body, encoding="utf-8")
    return title


def write_index(folder: Path, timings: dict) -> None:
    """Write the page that links the notebooks' pages and says how each of them ended."""
    rows = "\n".join(
        f'<tr><td><a href="{html.escape(name)}.html">{html.escape(entry["title"])}</a></td>'
        f"<td>{entry['seconds']:.1f}</td><td>{entry['mode']}</td><td>{entry['result']}</td></tr>"
        for name, entry in sorted(timings.items())
        if (folder / f"{name}.html").is_file()
    )
    (folder / "index.html").write_text(
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>hypersound_lib: notebooks</title>\n'
        "<h1>hypersound_lib: executed notebooks</h1>\n<table>\n"
        f"<tr><th>notebook</th><th>seconds</th><th>mode</th><th>result</th></tr>\n{rows}\n</table>\n</html>\n",
        encoding="utf-8",
    )


def run(path: Path, build: Path, parameters: dict, cell_seconds: int | None) -> tuple[dict, str]:
    """Execute one notebook and write its page; return its entry of the table, and what went wrong if anything."""
    copy = build / "notebooks" / path.name
    page = build / "html" / f"{path.stem}.html"
    page.unlink(missing_ok=True)
    fault, title, parts = "", path.stem, []
    start = time.perf_counter()
    try:
        execute(path, copy, parameters, cell_seconds)
        parts = sections(nbformat.read(copy, as_version=4))
    except Exception as error:  # a dead kernel, a timeout, a malformed file: the other notebooks still run
        fault = explain(error)
    seconds = time.perf_counter() - start
    if copy.is_file():
        title = write_html(copy, page)
    mode = "fast" if parameters.get("FAST") else "full"
    result = "FAILED" if fault else "passed"
    spent = [{"title": part.title, "seconds": round(part.seconds, 1)} for part in parts if part.code]
    entry = {"title": title, "seconds": round(seconds, 1), "mode": mode, "result": result, "sections": spent}
    return entry, fault


def save_timings(build: Path, entries: dict) -> None:
    """Merge `entries` into timings.json and renew the index from it."""
    path = build / "notebooks" / "timings.json"
    with FileLock(build / "timings.lock"):  # two of these programs may run at a time
        timings = json.loads(path.read_text()) if path.is_file() else {}
        timings |= entries
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(timings, indent=2) + "\n")
        (build / "html").mkdir(exist_ok=True)
        write_index(build / "html", timings)


def literal(text: str) -> object:
    """Read a parameter's value as Python reads it, or as the text that it is."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="paths, or beginnings of names; default: all")
    parser.add_argument("--full", action="store_true", help="FAST=False, and no limit on a cell's time")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder of the results; default: build/")
    parser.add_argument("--record", type=Path, help="also keep the measured runtimes in this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    parameters = {"FAST": not options.full} | {name: literal(value) for name, value in options.p}
    cell_seconds = None if options.full else FAST_CELL_SECONDS
    os.environ.pop("MPLBACKEND", None)  # a forced backend would leave the notebooks without figures
    os.environ.setdefault("HYPERSOUND_OFFLINE", "1")  # so that pages are the same with a network and without
    entries, faults = {}, {}
    for path in find(options.notebooks):
        print(f"running {path.stem} ...", flush=True)
        entry, fault = run(path, options.build.resolve(), parameters, cell_seconds)
        entries[path.stem] = entry
        if fault:
            faults[path.stem] = fault
        save_timings(options.build.resolve(), {path.stem: entry})

    width = max(map(len, entries))
    print(f"\n{'notebook':<{width}}  seconds  result")
    for name, entry in entries.items():
        print(f"{name:<{width}}  {entry['seconds']:7.1f}  {entry['result']}")
    for name, fault in faults.items():
        print(f"\n{name} FAILED {fault}")
    if options.record and not faults:
        runtimes.record(options.record, entries, parameters)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
