"""What was measured of the local model, as Markdown; see ``readme.py``."""

from collections.abc import Callable, Mapping, Sequence

import readings

from hypersound_lib.metrics import METRICS, TABLE_1
from hypersound_lib.presets import preset

DIGITS = {"pesq": 2, "stoi": 3, "lsd": 2, "si_snr": 1, "snr": 1, "cdpam": 3, "mse": 4}
COLUMNS = ("pesq", "stoi", "lsd", "si_snr", "cdpam", "mse")  # of the table of minutes
SPEED = 40  # times real time that compressing and decompressing together were to reach on two cores
Origin = Callable[[dict], str]


def minutes(document: dict, origin: Origin) -> str:
    """How soon the paper's figures are passed, in files no larger than its bottleneck."""
    results, paper = document["results"], preset("paper-base").model
    numbers, seconds = min(paper.hypernetwork.hidden), paper.num_samples / paper.sample_rate
    lines = [
        f"**`local` from random weights**, trained on `{' '.join(results['corpora'])}` on a CPU with "
        f"{results['threads']} threads, scored on {len(results['recordings'])} recordings of unseen voices, each "
        f"through a file of at most {results['kbps']:g} kbit/s: the paper's bottleneck for each clip is as much "
        f"({numbers} numbers of 32 bits in {seconds:.3f} s). The last column counts in how many of the paper's "
        f"{len(TABLE_1)} metrics it is better than the paper's model; the paper's scores are of its own recordings, so "
        "this comparison crosses data sets:",
        "",
        f"| training | steps | kbit/s | {' | '.join(map(_head, COLUMNS))} | better |",
        f"|---|---:|---:|{'---:|' * (len(COLUMNS) + 1)}",
        f"| the paper's base, on VCTK | | | {_cells(results['paper'], COLUMNS)} | |",
    ]
    for row in results["rows"]:
        start = f"| {row['seconds']:.0f} s | {row['steps']} |"
        if "better_than_paper" not in row:
            missing = len(results["recordings"]) - row["files"]
            have = "recording has" if missing == 1 else "recordings have"
            lines.append(f"{start} {missing} {have} no file that small |{' |' * (len(COLUMNS) + 1)}")
            continue
        better = f"{len(row['better_than_paper'])} of {len(TABLE_1)}"
        lines.append(f"{start} {row['kbps']:.2f} | {_cells(row, COLUMNS)} | {better} |")
    return "\n".join([*lines, *readings.followed(readings.minutes(results)), "", origin(document)])


def speed(document: dict, origin: Origin) -> str:
    """How fast, in how much memory, and how soon."""
    results = document["results"]
    lines = [
        "**Speed of `local`**: how many times faster than real time it compresses, decompresses, and does both, for "
        f"{results['sound_seconds']} s in memory and {results['file_minutes']} minutes from file to file; the peak "
        "memory above that of the loaded model; and how many milliseconds of input a live stream takes before its "
        "first sound:",
        "",
        "| | kbit/s | compress | decompress | both | memory | first sound |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for run in results["runs"]:
        threads = f"{run['threads']} thread{'s' if run['threads'] > 1 else ''}"
        for row in run["in_memory"]:
            times = (row[f"{key}times_real_time"] for key in ("encode_", "decode_", ""))
            cells = " | ".join(f"{value:.0f} ×" for value in times)
            lines.append(f"| {threads}, {results['sound_seconds']} s | {row['kbps']:.1f} | {cells} | | |")
        row, live = run["file"], run["live"]
        length = 60 * results["file_minutes"]
        cells = [f"{length / row[key]:.0f} ×" for key in ("encode_seconds", "decode_seconds")]
        cells += [f"{row['times_real_time']:.0f} ×", f"{row['above_import_bytes'] / 2**20:.0f} MiB"]
        name = f"{threads}, {results['file_minutes']} minutes of file"
        lines.append(f"| {name} | {row['kbps']:.1f} | {' | '.join(cells)} | |")
        cells = f"{live['times_real_time']:.1f} × | | {live['first_sound_ms']:.0f} ms"
        lines.append(f"| {threads}, live | | | | {cells} |")
    most = max(results["runs"], key=lambda run: run["threads"])
    reached = " and ".join(f"{row['times_real_time']:.0f} × at {row['kbps']:.0f} kbit/s" for row in most["in_memory"])
    bar = f"With {most['threads']} threads both together reach {reached}; {SPEED} × was the bar."
    return "\n".join([*lines, "", bar, "", origin(document)])


def ablation(document: dict, origin: Origin) -> str:
    """What each part brings."""
    results = document["results"]
    metrics = ("pesq", "stoi", "lsd", "si_snr")
    lines = [
        f"**What each part of `local` brings**: the preset with one thing changed, {results['steps']} steps of "
        f"training each, on {len(results['recordings'])} recordings of unseen voices, at equal bit rates. Rates are "
        f"ideal code lengths, without headers. {_slashed(metrics)}; – where a model cannot go so low or so high:",
        "",
        f"| model | {' | '.join(f'{kbps:g} kbit/s' for kbps in results['kbps'])} |",
        f"|---|{'---:|' * len(results['kbps'])}",
    ]
    for row in results["rows"]:
        cells = " | ".join(_joined(at, metrics) if at else "–" for at in row["at"])
        lines.append(f"| {row['row']} | {cells} |")
    if untaught := [row["row"] for row in results["rows"][1:] if sum(map(bool, row["at"])) < len(row["at"]) / 2]:
        shown = " and ".join(f"“{name}”" for name in untaught)
        lines += ["", f"In so few steps {shown} did not train at all: such a row says nothing of what the part brings."]
    return "\n".join([*lines, *readings.followed(readings.parts(results)), "", origin(document)])


def elsewhere(document: dict, origin: Origin) -> str:
    """The shipped model on other sounds."""
    results = document["results"]
    rows, metrics = results["rows"], ("pesq", "stoi", "lsd", "snr")
    rates = sorted({row["asked_kbps"] for row in rows})
    lines = [
        "**`local` on other sounds**, through files of at most so many kbit/s. "
        f"{_slashed(metrics)}; in brackets the files' own rate, and how many sounds have a file that small where not "
        "all have one:",
        "",
        f"| sound | recordings | {' | '.join(f'{rate:g} kbit/s' for rate in rates)} |",
        f"|---|---:|{'---:|' * len(rates)}",
    ]
    for name in dict.fromkeys(row["sound"] for row in rows):
        found = [row for row in rows if row["sound"] == name]
        cells = " | ".join(_elsewhere_cell(row, metrics) for row in found)
        lines.append(f"| {name} | {found[0]['recordings']} | {cells} |")
    largest = results["silence"]["largest"]
    lines += ["", _failures([row for row in rows if row["asked_kbps"] == rates[0]])]
    lines += ["", f"A second of digital silence comes back with a largest sample of {largest:g}."]
    return "\n".join([*lines, "", _louder(results), "", origin(document)])


def _louder(results: Mapping) -> str:
    """Say in how many test signals a band of the copy is louder than it may be, and in which most."""
    limit, whole, without = results["limit_db"], *(results["signals"][name] for name in ("whole", "without_leak"))
    rates = sorted({row["asked_kbps"] for row in whole})
    worst = sorted((row for row in whole if row["louder_db"] > 0), key=lambda row: -row["louder_db"])
    listed = ", ".join(
        f"“{row['signal']}” at {row['asked_kbps']:g} kbit/s ({row['louder_db']:.1f} dB louder, and "
        f"{-row['level_db']:.0f} dB below the whole)"
        for row in worst
    )
    about = f"With the guess: {listed}." if worst else ""
    return (
        f"Of {len(whole) // len(rates)} test signals (tones, chirps, clicks, noise, offsets: `tests/local/signals.py`) "
        f"a third of an octave, down to 80 dB below the whole, is more than {limit:g} dB louder in the copy than in "
        f"the original in {_too_loud(whole)}; without the generator's guess of what tones leak in "
        f"{_too_loud(without)}. {about}"
    ).rstrip() + "".join(_drawn(int(tones), rows) for tones, rows in results["drawn_tones"].items())


def _drawn(tones: int, rows: Sequence[Mapping]) -> str:
    """Say the same of tones that were drawn, and how loud what is too loud is at most."""
    rates = sorted({row["asked_kbps"] for row in rows})
    what = "single tones" if tones == 1 else f"sums of {tones} tones"
    loud = [(row["asked_kbps"], row["level_db"]) for row in rows if row["louder_db"] > 0]
    levels = {rate: max(level for at, level in loud if at == rate) for rate in sorted({at for at, _ in loud})}
    loudest = " and ".join(f"{-level:.0f} dB at {rate:g} kbit/s" for rate, level in levels.items())
    where = f": the loudest such band lies {loudest} below the whole" if loud else ""
    return f" Of {len(rows) // len(rates)} {what}, drawn at random, it is so in {_too_loud(rows)}{where}."


def _too_loud(rows: Sequence[Mapping]) -> str:
    rates = sorted({row["asked_kbps"] for row in rows})
    counts = {rate: sum(row["louder_db"] > 0 for row in rows if row["asked_kbps"] == rate) for rate in rates}
    return " and ".join(f"{count} at {rate:g} kbit/s" for rate, count in counts.items())


def _failures(rows: Sequence[Mapping]) -> str:
    """Say on which sounds the model is worst, of those at one rate, and which have no file."""
    said = []
    for metric in ("snr", "pesq"):
        worst = sorted((row for row in rows if row.get(metric) is not None), key=lambda row: row[metric])[:3]
        listed = ", ".join(f"“{row['sound']}” ({_cell(row[metric], metric)})" for row in worst)
        said.append(f"{listed} have the lowest {METRICS[metric].label}")
    lacking = [(row["recordings"] - row["files"], row["recordings"], row["sound"]) for row in rows]
    if none := [f"{left} of {total} of “{sound}”" for left, total, sound in lacking if left]:
        said.append(f"{', '.join(none)} have no file that small")
    worst = min(rows, key=lambda row: row["snr"])
    about = f"The copy of “{worst['sound']}” is a sound of its own, whose spectrum is near: LSD {worst['lsd']:.2f}."
    return f"Where it fails, at {rows[0]['asked_kbps']:g} kbit/s: {'; '.join(said)}. {about}"


def _elsewhere_cell(row: Mapping, metrics: Sequence[str]) -> str:
    if not row["files"]:
        return "no file that small"
    some = f"; {row['files']} of {row['recordings']}" if row["files"] < row["recordings"] else ""
    return f"{_joined(row, metrics)} ({row['kbps']:.1f}{some})"


def _slashed(metrics: Sequence[str]) -> str:
    return "Cells: " + " / ".join(map(_head, metrics))


def _joined(row: Mapping, metrics: Sequence[str]) -> str:
    return " / ".join(_cell(row.get(metric), metric) for metric in metrics)


def _cells(row: Mapping, metrics: Sequence[str]) -> str:
    return " | ".join(_cell(row[metric], metric) for metric in metrics)


def _cell(value: float | None, metric: str) -> str:
    return "–" if value is None else f"{value:.{DIGITS[metric]}f}"


def _head(metric: str) -> str:
    return f"{METRICS[metric].label} {'↑' if METRICS[metric].higher_is_better else '↓'}"
