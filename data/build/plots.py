"""Draw what the page of results shows above its tables, as data/results/NAME.svg, from the records beside them.

A picture is narrow enough for a phone, and has a ground of its own, so that it looks the same on a dark page.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypersound_lib.experiments import ROWS
from hypersound_lib.experiments.render import Table
from hypersound_lib.metrics import METRICS
from hypersound_lib.notebook.plots import COLOURS, figure

WIDTH = 4.6  # of every picture, in units of 110 pixels
ROW = 0.21  # height of a line of text, in the same
TITLE, TEXT = 9, 8  # points
SCORED = ("si_snr", "stoi", "cdpam")  # of Table 1
REFERENCES = ("random phase", "PCA", "MDCT")  # as their names begin


def draw(results: Path) -> None:
    """Write every picture whose records are there."""
    for name, make in PICTURES.items():
        try:
            fig = make(lambda record: json.loads((results / f"{record}.json").read_text(encoding="utf-8")), results)
        except FileNotFoundError:
            continue
        with matplotlib.rc_context({"svg.hashsalt": name}):  # the same bytes for the same results
            fig.savefig(results / f"{name}.svg", metadata={"Date": None})


Load = Callable[[str], dict]


def table1(load: Load, results: Path) -> Figure:
    """Draw a panel for each of `SCORED`, a dot for each row of Table 1 with its 95 % interval, references below."""
    names = {"base", *(path.stem for path in (results / "table1").glob("*.json"))}
    table = Table({name: load(f"table1/{name}")["results"] for name in sorted(names)})
    base, rate = table.evaluations["base"], table.records["base"]["sample_rate"]
    rows = [row for row in ROWS if table.has(row) and row.block != "target rate" and row.label != "HyperSound*"]
    references = [name for start in REFERENCES for name, at in base.systems if name.startswith(start) and at == rate]
    labels = [row.label.partition(":")[0] for row in rows] + references
    fig, axes = figure(WIDTH, len(SCORED) * (len(labels) * ROW + 0.75), rows=len(SCORED))
    for ax, metric in zip(axes.flat, SCORED, strict=True):
        found = [table.interval(row, metric) for row in rows] + [
            base.interval(name, metric, rate) for name in references
        ]
        for place, interval in enumerate(found):
            colour = COLOURS[0] if place < len(rows) else COLOURS[1]
            ax.plot([interval.low, interval.high], [place, place], color=colour, linewidth=1.2)
            ax.plot(interval.mean, place, "o" if place < len(rows) else "D", color=colour, markersize=4)
        _rows(ax, labels)
        ax.set_title(_title(metric), fontsize=TITLE)
    return fig


def learning(load: Load, results: Path) -> Figure:
    """Draw SI-SNR over the training of `tutorial`, and below it NMSE of the preset with one thing changed at a time."""
    curve, sweep = load("bench_tutorial")["results"]["curve"], load("bench_sweep")["results"]
    variants = sorted(sweep["variants"], key=lambda row: row["nmse"])
    labels = [textwrap.fill(f"{row['changed'].strip(':')}: {row['value']}", 29) for row in variants]
    heights = [1.9, len(labels) * 1.6 * ROW + 0.75]
    fig, axes = figure(WIDTH, sum(heights), rows=2, height_ratios=heights)
    above, below = axes.flat
    above.plot([seconds / 60 for seconds in curve["seconds"]], curve["si_snr"], "o-", markersize=3)
    above.set(xlabel="minutes", xlim=(0, None))
    above.set_title("tutorial: SI-SNR of validation clips, dB", fontsize=TITLE)
    for place, row in enumerate(variants):
        plain = row["changed"].strip(":") == "nothing"
        below.plot(row["nmse"], place, "D" if plain else "o", color=COLOURS[plain], markersize=5 if plain else 4)
    _rows(below, labels)
    below.set_title(f"{sweep['limit_seconds']:.0f} s of training: NMSE (lower is better)", fontsize=TITLE)
    below.set_xscale("log")
    below.set_xticks([0.1, 0.2, 0.5, 1.0], ["0.1", "0.2", "0.5", "1"])
    below.minorticks_off()
    return fig


def speed(load: Load, results: Path) -> Figure:
    """Draw how many times faster than real time `local` is, how long a training step takes, and its peak memory."""
    fig, axes = figure(WIDTH, 7.0, rows=3)
    times, steps, memory = axes.flat
    rows = {
        f"{way}, {row['kbps']:.0f} kbit/s, {run['threads']} thread{'s' * (run['threads'] > 1)}": row[key]
        for way, key in (("compress", "encode_times_real_time"), ("decompress", "decode_times_real_time"))
        for run in load("bench_local")["results"]["runs"]
        for row in run["in_memory"]
    }
    _bars(times, rows, "local: times faster than real time")
    measured = load("bench_step")["results"]
    rows = {
        f"{name}, {label}": way["step"]
        for name in ("paper-base", "paper-small")
        for label, way in (("plainest", measured[name]["plain"]), *measured[name]["ours"].items())
    }
    _bars(steps, rows, f"a training step of {measured['batch_size']} clips: seconds")
    runs = load("bench_memory")["results"]["runs"]
    for number, name in enumerate(dict.fromkeys(row["preset"] for row in runs)):
        own = [row for row in runs if row["preset"] == name]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": "osD"[number % 3], "markersize": 4}
        memory.plot([row["batch_size"] for row in own], [row["peak_bytes"] / 2**30 for row in own], **style)
        at = (own[-1]["batch_size"], own[-1]["peak_bytes"] / 2**30)
        memory.annotate(name, at, (0, 5), textcoords="offset points", ha="right", fontsize=TEXT, color=style["color"])
    memory.set(xlabel="clips in a step", xlim=(0, None), ylim=(0, 1.2 * memory.get_ylim()[1]))
    memory.set_title("peak memory of a step: GiB", fontsize=TITLE)
    return fig


PICTURES: Mapping[str, Callable[[Load, Path], Figure]] = {"table1": table1, "learning": learning, "speed": speed}


def _title(metric: str) -> str:
    unit = f", {METRICS[metric].unit}" if METRICS[metric].unit == "dB" else ""
    return f"{METRICS[metric].label}{unit} ({'higher' if METRICS[metric].higher_is_better else 'lower'} is better)"


def _rows(ax: Axes, labels: list[str]) -> None:
    """Name the rows, the first of which is above."""
    ax.set_yticks(range(len(labels)), labels, fontsize=TEXT)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    ax.tick_params(axis="y", length=0)


def _bars(ax: Axes, rows: Mapping[str, float], title: str) -> None:
    """Draw a bar for each row, with its number at the end."""
    bars = ax.barh(range(len(rows)), list(rows.values()), height=0.6, color=COLOURS[0])
    numbers = [f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in rows.values()]
    ax.bar_label(bars, numbers, padding=3, fontsize=TEXT)
    _rows(ax, list(rows))
    ax.grid(visible=False)
    ax.set_title(title, fontsize=TITLE)
    ax.set_xlim(0, 1.12 * max(rows.values()))
