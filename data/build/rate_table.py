"""Render bench_rate.json: tables of quality over kbit/s for pages, and the plot data/results/rate.png and .svg."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
import readings_of_codes
from listed import all_voices, some_voices
from readings import followed

from hypersound_lib.metrics import METRICS
from hypersound_lib.notebook.plots import COLOURS, figure

PANELS = ("pesq", "stoi", "lsd", "si_snr", "visqol", "dnsmos")
BRIEF = (6, 9, 12, 24)  # kbit/s of `local` that the README shows, each beside Opus
TARGETS = {3.2: (2.2, 2.6), 6: (3.0, 3.4), 9: (3.45, 3.75), 12: (3.8, 4.0), 16: (4.1, 4.25), 24: (4.38, 4.45)}
_DIGITS = {"stoi": 3, "si_snr": 1}
_MARKS = "osD^vP"
_TICKS = (2, 4, 8, 16, 32)


def rate(document: dict, origin: Callable[[dict], str]) -> str:
    """Return the tables of all systems, and of the papers' protocol, with what they say."""
    result = document["results"]
    total = sum(result["clips"].values())
    lines = [
        f"**Quality at equal bits**, on {total} clips of at most {result['seconds']:g} s, of "
        f"{all_voices(result['clips'])}, at 22 050 Hz. `local` is one model, and its rate that of "
        "whole files. Opus (libopus, variable rate) and Codec 2 are counted without headers, which favours them; the "
        "files that their tools write have the rate in brackets:",
        "",
        f"| system | kbit/s | {' | '.join(map(_head, PANELS))} |",
        f"|---|---:|{'---:|' * len(PANELS)}",
        *(_line(row, PANELS, total) for row in result["rows"] if row["clips"]),
        "",
        " ".join([*_notes(result), origin(document)]),
        "",
        *_by_group(result),
        *_targets(result),
        *_weak(result),
        *followed(readings_of_codes.fixed_code(result)),
    ]
    if protocol := result.get("inr_protocol"):
        lines += ["", *_protocol(protocol)]
    return "\n".join(lines)


def brief(document: dict, origin: Callable[[dict], str]) -> str:
    """Return the README's table: `local` at the rates of `BRIEF`, each beside Opus at the nearest rate it has."""
    metrics, result = PANELS[:4], document["results"]
    total = sum(result["clips"].values())
    lines = [
        f"On {total} clips of {some_voices(result['clips'])}. Opus is counted without headers; with them it has the "
        "rate in brackets:",
        "",
        f"| system | kbit/s | {' | '.join(map(_head, metrics))} |",
        f"|---|---:|{'---:|' * len(metrics)}",
        *(_line(row, metrics, total) for pair in _pairs(result) for row in pair),
        "",
        origin(document),
    ]
    return "\n".join(lines)


def sentence(document: dict) -> str:
    """Return what the README says first: PESQ of `local` and of Opus at the lowest and the highest rate of `BRIEF`."""
    total, pairs = sum(document["results"]["clips"].values()), _pairs(document["results"])
    found = [
        f"{ours['pesq']:.2f} at {ours['kbps']:.1f} kbit/s"
        + "".join(f" (Opus: {row['pesq']:.2f} at {row['kbps']:.1f})" for row in others)
        for ours, *others in pairs[:: max(len(pairs) - 1, 1)]
    ]
    return f"On {total} clips of {some_voices(document['results']['clips'])}, `local` has PESQ {' and '.join(found)}."


def _pairs(result: Mapping) -> list[list[Mapping]]:
    """Return for each rate of `BRIEF` the row of `local`, and that of Opus whose rate is nearest, where it has any."""
    rows = [row for row in result["rows"] if row["clips"]]
    opus = [row for row in rows if row["system"] == "Opus"]
    ours = [row for row in rows if row["system"] == "local" and float(row["asked"]) in BRIEF]
    return [[row, *sorted(opus, key=lambda other, row=row: abs(other["kbps"] - row["kbps"]))[:1]] for row in ours]


def _line(row: Mapping, metrics: Sequence[str], total: int) -> str:
    some = f", {row['clips']} of {total} clips: the others have no file that small" if row["clips"] < total else ""
    files = f" ({row['file_kbps']:.2f})" if row.get("file_kbps", row["kbps"]) > 1.005 * row["kbps"] else ""
    cells = " | ".join(_cell(row, metric) for metric in metrics)
    return f"| {row['system']}{some} | {row['kbps']:.2f}{files} | {cells} |"


def _cell(row: Mapping, metric: str) -> str:
    return "–" if row.get(metric) is None else f"{row[metric]:.{_DIGITS.get(metric, 2)}f}"


def _head(metric: str) -> str:
    label = f"{METRICS[metric].label}, dB" if METRICS[metric].unit == "dB" else METRICS[metric].label
    return f"{label} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def _notes(result: Mapping) -> list[str]:
    """Return what must be known to read the table."""
    notes = []
    if fixed := result.get("fixed_code"):
        notes.append(
            "The fixed code has the same waves and range coder; its steps, tables and values were fitted to training "
            f"voices, once for each rate, with what gave them the best PESQ at 9 kbit/s (γ {fixed['gamma']:g}, "
            f"p {fixed['power']:g}, noise {fixed['noise']:g}, dead zone {fixed['dead_zone']:g}: "
            "`tests/benchmarks/fixed_code.py`)."
        )
    if judged := max((row.get("judged", 0) for row in result["rows"]), default=0):
        own = (result.get("originals") or {}).get("dnsmos")
        alone = f" DNSMOS takes no original as input: of the recordings themselves it is {own:.2f}." if own else ""
        notes.append(
            f"ViSQOL and DNSMOS are means of {judged} of the clips.{alone} Of these judges PESQ may favour `local`: "
            "its loss has a term, `loudness`, with bands as wide as PESQ's; the others have no part in it."
        )
    if result["missing"]:
        notes.append(f"Not installed, and left out: {', '.join(result['missing'])}.")
    return notes


def _by_group(result: Mapping) -> list[str]:
    """Return a folded table of PESQ, STOI, LSD and SI-SNR for each group of voices."""
    metrics, lines = PANELS[:4], ["<details><summary>The same for each corpus</summary>"]
    for group, count in result["clips"].items():
        rows = [row | row["groups"][group] for row in result["rows"] if group in row.get("groups", {})]
        lines += ["", f"{group}, {count} clips:", ""]
        lines += [f"| system | kbit/s | {' | '.join(map(_head, metrics))} |", f"|---|---:|{'---:|' * len(metrics)}"]
        lines += [_line(row | {"file_kbps": row["kbps"]}, metrics, count) for row in rows]
    return [*lines, "", "</details>"]


def _targets(result: Mapping) -> list[str]:
    """Return what PESQ was to be at least, and at best, beside what it is; nothing where `local` was not measured."""
    found = {float(row["asked"]): row["pesq"] for row in result["rows"] if row["system"] == "local" and row["clips"]}
    kept = {kbps: (*aims, found[kbps]) for kbps, aims in TARGETS.items() if kbps in found}
    if not kept:
        return []
    bars, goals = (sum(row[2] >= row[i] for row in kept.values()) for i in (0, 1))
    lines = [
        "",
        "**PESQ of `local` beside what was aimed at**: a bar that it was to pass, and a goal beyond it:",
        "",
        f"| kbit/s, at most | {' | '.join(f'{kbps:g}' for kbps in kept)} |",
        f"|---|{'---:|' * len(kept)}",
    ]
    for i, name in enumerate(("bar", "goal", "reached")):
        lines.append(f"| {name} | {' | '.join(f'{row[i]:.2f}' for row in kept.values())} |")
    return [
        *lines,
        "",
        f"It passes {bars} of {len(kept)} bars, and reaches {goals} of {len(kept)} goals. What came nearer, and is "
        "in use: a loss whose `loudness` has bands like PESQ's and counts the worst moments more, and whose "
        "`band_error` counts the lowest harmonics of voices more; and the mean of the weights of several "
        "trainings. What was tried, and brought less than 0.01 or cost as much elsewhere: all that PESQ computes, "
        "its thresholds included, as a term of the loss (0.01 more at 24 kbit/s, but a lower ViSQOL and a higher "
        "LSD); larger networks for probabilities (0.3 % of the bits); training at fine steps alone; sending each "
        "number only where it is worth its bits; a dead zone that a network chooses for each wave; steps that "
        "follow, by a rule, the frames before; side numbers for every frame; and, after few steps, twice as many "
        "of them and a learnt analysis, which the table of what each part brings has below.",
    ]


def _weak(result: Mapping) -> list[str]:
    """Return where another codec is better than `local` although the means do not show it, as far as measured."""
    rows = {(row["system"], row["asked"]): row for row in result["rows"] if row["clips"]}
    found = []
    for metric, better in (("lsd", min), ("pesq", max)):
        label = METRICS[metric].label
        for asked in ("16", "24"):
            pair = [rows[system, asked] for system in ("local", "Opus") if (system, asked) in rows]
            groups = [[row["groups"][name][metric] for row in pair] for name in result["clips"]] if pair[1:] else []
            behind = [
                f"{name} ({ours:.2f}, Opus {other:.2f})"
                for name, (ours, other) in zip(result["clips"], groups, strict=False)
                if ours != other and better(ours, other) == other
            ]
            if behind:
                means = " against ".join(f"{row[metric]:.2f}" for row in pair)
                found.append(f"{label} at {asked} kbit/s on {', '.join(behind)}, where the means are {means}")
    judged = [row for row in rows.values() if row["system"] == "local" and float(row["asked"]) < 4]
    codec2 = [row for row in rows.values() if row["system"] == "Codec 2" and row.get("dnsmos")]
    if low := [row for row in judged if codec2 and (row.get("dnsmos") or 5) < min(r["dnsmos"] for r in codec2)]:
        own, other = (" and ".join(f"{r['dnsmos']:.2f} at {r['kbps']:.1f}" for r in some) for some in (low, codec2))
        found.append(f"DNSMOS is {own} kbit/s, and Codec 2's {other}")
    return ["", f"Where `local` is behind: {'; '.join(found)}."] if found else []


def _protocol(protocol: Mapping) -> list[str]:
    published = [point for points in protocol["published"].values() for point in sorted(points)]
    lines = [
        f"**As papers on INR compression score LibriSpeech** (16 kHz, first 3 s, {protocol['clips']} recordings of "
        "voices not trained on, at their own level): PSNR with audio mapped to [0, 1]. With audio left in [-1, 1], as "
        "other papers have it, the same error is 6.02 dB less. COIN++ fits a few numbers of a shared network to each "
        "clip, by gradient descent; `local` makes one pass. COIN++'s figures are as published, of other clips:",
        "",
        "| kbit/s, files | PSNR in [0, 1], dB | PSNR in [-1, 1], dB | COIN++, as published, in [0, 1] |",
        "|---:|---:|---:|---|",
    ]
    for row, (kbps, psnr) in zip(protocol["rows"], published, strict=True):
        lines.append(
            f"| {row['kbps']:.1f} | {row['psnr_unit']:.1f} | {row['psnr_signed']:.1f} | {psnr} dB at {kbps} kbit/s |"
        )
    return lines


def draw(document: dict, folder: Path) -> None:
    """Write rate.png and rate.svg: a panel for each metric, a curve for each system, bars for 95 % intervals.

    Points of which some clips have no file are hollow. Codec 2's SI-SNR lies far below the panel: it sends no waveform.
    """
    result = document["results"]
    rows, total = [row for row in result["rows"] if row["clips"]], sum(result["clips"].values())
    fig, axes = figure(13, 7.6, rows=2, columns=3)
    for ax, metric in zip(axes.flat, PANELS, strict=True):
        for number, name in enumerate(dict.fromkeys(row["system"] for row in rows)):
            own = sorted(
                (r for r in rows if r["system"] == name and r.get(metric) is not None), key=lambda r: r["kbps"]
            )
            if own:
                _curve(ax, own, metric, number, total)
        ax.set_xscale("log")
        ax.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
        ax.minorticks_off()
        direction = "higher" if METRICS[metric].higher_is_better else "lower"
        label = METRICS[metric].label + (", dB" if METRICS[metric].unit == "dB" else "")
        ax.set(xlabel="kbit/s", xlim=(1.4, 40), title=f"{label} ({direction} is better)")
        if metric == "si_snr":
            ax.set_ylim(-1, None)
    labels = {text: handle for ax in axes.flat for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(labels.values(), labels, loc="outside upper center", ncols=len(labels), frameon=False)
    with matplotlib.rc_context({"svg.hashsalt": "rate"}):  # the same bytes for the same results
        fig.savefig(folder / "rate.png")
        fig.savefig(folder / "rate.svg", metadata={"Date": None})


def _curve(ax, rows: Sequence[Mapping], metric: str, number: int, total: int) -> None:
    style = {"color": COLOURS[number % len(COLOURS)], "marker": _MARKS[number % len(_MARKS)], "markersize": 5}
    rates, values = ([row[key] for row in rows] for key in ("kbps", metric))
    ax.plot(rates, values, label=rows[0]["system"], zorder=4 - 0.1 * number, **style)
    for row in rows:
        low, high = row["intervals"].get(metric, [row[metric]] * 2)
        ax.plot([row["kbps"]] * 2, [low, high], color=style["color"], linewidth=0.8, alpha=0.5)
        if row["clips"] < total:
            ax.plot(row["kbps"], row[metric], zorder=5, **style | {"markerfacecolor": "white"})
