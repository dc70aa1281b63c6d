"""What was measured of local models, as Markdown for the README; see ``readme.py``."""

import math
from collections.abc import Callable
from pathlib import Path

from hypersound_lib.evaluation import Evaluation, evaluation_from_json
from hypersound_lib.metrics import METRICS, TABLE_1

MODELS = ("local-tiny", "local-small", "local-hifi")
# What we aimed at, before the first training. The paper's row is its HyperSound base on VCTK, another set of voices.
GOALS = {
    "local-tiny": {"pesq": 1.9, "stoi": 0.88, "lsd": 0.99, "cdpam": 0.30},
    "local-small": {"pesq": 2.6, "stoi": 0.94, "lsd": 0.99, "si_snr": 9.0, "cdpam": 0.20},
    "local-hifi": {"pesq": 4.0, "stoi": 0.99, "lsd": 0.70, "si_snr": 18.0, "cdpam": 0.05},
}
COLUMNS = ("pesq", "stoi", "lsd", "si_snr", "cdpam")
DIGITS = {"pesq": 2, "stoi": 3, "lsd": 2, "si_snr": 1, "cdpam": 3, "nmse": 3, "mse": 4}
Origin = Callable[[dict], str]


def quality(document: dict, origin: Origin) -> str:
    """The shipped local models against the paper, what we aimed at, and classical codes of equal size."""
    results = document["results"]
    found = evaluation_from_json(results)
    rate = 22050
    lines = [
        f"**Local models on {len(found.clips)} recordings of {Path(results['data']).name}**, at {rate} Hz, voices that "
        "they were not trained on. Numbers per second: generated (θ), and in the narrowest layer. ✓ and ✗ tell whether "
        "what we had aimed at was reached, with the goal behind ✗:",
        "",
        f"| | θ / s | narrowest / s | {' | '.join(_head(metric) for metric in COLUMNS)} |",
        f"|---|---:|---:|{'---:|' * len(COLUMNS)}",
        _paper(),
    ]
    for name in MODELS:
        theta, narrowest = found.sizes[name]
        cells = [_judged(found.means(name, rate)[metric], metric, GOALS[name].get(metric)) for metric in COLUMNS]
        lines.append(f"| **`{name}`** | {theta:.0f} | {narrowest:.0f} | {' | '.join(cells)} |")
    for name, played in found.systems:
        if played == rate and name not in MODELS:
            lines.append(f"| {name} | | | {' | '.join(_plain(found, name, rate))} |")
    return "\n".join([*lines, "", origin(document)])


def _paper() -> str:
    from hypersound_lib.reproduction.paper import ROWS

    cells = " | ".join(f"{ROWS[0].papers(metric):.{DIGITS[metric]}f}" for metric in COLUMNS)
    # 206 081 weights and the 400 units of the narrowest layer, for each clip of 32 768 samples.
    per_second = 22050 / 32768
    return f"| the paper's base, on VCTK | {206081 * per_second:.0f} | {400 * per_second:.0f} | {cells} |"


def _head(metric: str) -> str:
    return f"{METRICS[metric].label} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def _judged(value: float, metric: str, goal: float | None) -> str:
    text = f"{value:.{DIGITS[metric]}f}"
    if goal is None:
        return text
    reached = value >= goal if METRICS[metric].higher_is_better else value <= goal
    return f"{text} ✓" if reached else f"{text} ✗ {goal:g}"


def _plain(found: Evaluation, name: str, rate: int) -> list[str]:
    means = found.means(name, rate)
    return ["–" if math.isnan(means[m]) else f"{means[m]:.{DIGITS[m]}f}" for m in COLUMNS]


def rates(document: dict, origin: Origin) -> str:
    """LSD at every rate, beside that at the trained one."""
    results = document["results"]
    found = evaluation_from_json(results)
    played = sorted({rate for _, rate in found.systems})
    lines = [
        f"**LSD at other rates**, on {len(found.clips)} recordings of {Path(results['data']).name}, against what soxr "
        "makes of the recording (above the trained rate half of the band is empty, and rightly stays so):",
        "",
        f"| | {' | '.join(f'{rate} Hz' for rate in played)} |",
        f"|---|{'---:|' * len(played)}",
    ]
    for name in MODELS:
        cells = " | ".join(f"{found.means(name, rate)['lsd']:.2f}" for rate in played)
        lines.append(f"| `{name}` | {cells} |")
    return "\n".join([*lines, "", origin(document)])


def minutes(document: dict, origin: Origin) -> str:
    """How soon the paper's figures are passed."""
    results = document["results"]
    lines = [
        f"**From random weights** on a CPU (`{' '.join(results['corpora'])}`), scored on "
        f"{len(results['recordings'])} recordings of unseen voices. At 0 s `local-hifi` is the codec that it starts "
        "as. The last column counts of the paper's six metrics those that are better than the paper's:",
        "",
        f"| preset | training | steps | {' | '.join(_head(metric) for metric in COLUMNS)} | better |",
        f"|---|---:|---:|{'---:|' * (len(COLUMNS) + 1)}",
    ]
    for row in results["rows"]:
        cells = " | ".join(f"{row[metric]:.{DIGITS[metric]}f}" for metric in COLUMNS)
        better = f"{len(row['better_than_paper'])} of {len(TABLE_1)}"
        lines.append(f"| {row['preset']} | {row['seconds']:.0f} s | {row['steps']} | {cells} | {better} |")
    return "\n".join([*lines, "", origin(document)])


def ablation(document: dict, origin: Origin) -> str:
    """What each part brings."""
    results = document["results"]
    columns = ("pesq", "stoi", "lsd", "si_snr")
    lines = [
        "<details><summary><b>What each part of a local model brings</b>: "
        f"presets with one thing changed, {results['seconds']:.0f} s of training each, on "
        f"{len(results['recordings'])} recordings of unseen voices</summary>",
        "",
        f"| preset | changed | steps | {' | '.join(_head(metric) for metric in columns)} |",
        f"|---|---|---:|{'---:|' * len(columns)}",
    ]
    for row in results["rows"]:
        cells = " | ".join(f"{row[metric]:.{DIGITS[metric]}f}" for metric in columns)
        lines.append(f"| {row['base']} | {row['changed']} | {row['steps']} | {cells} |")
    return "\n".join([*lines, "", origin(document), "</details>"])


def elsewhere(document: dict, origin: Origin) -> str:
    """The shipped models on other sounds."""
    results = document["results"]
    columns = ("pesq", "stoi", "lsd", "si_snr")
    lines = [
        "<details><summary><b>Local models on what they were not made for</b></summary>",
        "",
        f"| sound | recordings | model | {' | '.join(_head(metric) for metric in columns)} |",
        f"|---|---:|---|{'---:|' * len(columns)}",
    ]
    for row in results["rows"]:
        cells = " | ".join("–" if math.isnan(row[m]) else f"{row[m]:.{DIGITS[m]}f}" for m in columns)
        lines.append(f"| {row['sound']} | {row['recordings']} | {row['model']} | {cells} |")
    loudest = max(results["silence"].values())
    lines += ["", f"Digital silence comes back as silence: its largest sample is {loudest:g}.", "", origin(document)]
    return "\n".join([*lines, "</details>"])


def speed(document: dict, origin: Origin) -> str:
    """How fast, and in how much memory."""
    results = document["results"]
    lines = [
        "**Local models on long sounds**: times faster than real time (streamed), and peak memory above the import for "
        f"{results['file_minutes']} minutes from file to file:",
        "",
        "| preset | encode | encode and decode | file to file | memory |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in results["runs"]:
        cells = f"{row['encode_times_real_time']:.0f} × | {row['times_real_time']:.0f} × | {row['file_seconds']:.0f} s"
        lines.append(f"| {row['preset']} | {cells} | {row['above_import_bytes'] / 2**20:.0f} MiB |")
    return "\n".join([*lines, "", origin(document)])
