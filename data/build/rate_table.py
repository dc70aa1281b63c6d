"""Render bench_rate.json: a table of quality over kbit/s for pages, and the plot data/results/rate.png and .svg."""

from collections.abc import Callable, Iterable
from pathlib import Path

from hypersound_lib.plots import figure

METRICS = {"pesq": "PESQ ↑", "stoi": "STOI ↑", "lsd": "LSD ↓", "si_snr": "SI-SNR, dB ↑", "visqol": "ViSQOL ↑",
           "dnsmos": "DNSMOS ↑"}  # fmt: skip
_DIGITS = {"stoi": "{:.3f}", "si_snr": "{:.1f}"}
_MARKS = "osD^vP"


PICTURE = "![PESQ, STOI, LSD and SI-SNR over kbit/s: local, Opus, Codec 2, MP3, a fixed code](rate.png)"


def rate(document: dict, origin: Callable[[dict], str]) -> str:
    """Return the table of all systems, with what it says."""
    result = document["results"]
    lines = [
        "## Quality at equal bits",
        "",
        f"| system | kbit/s | {' | '.join(METRICS.values())} |",
        f"|---|---:|{'---:|' * len(METRICS)}",
        *(_line(row) for row in result["rows"] if row["clips"]),
        "",
        f"{_clips(result)} {origin(document)}",
    ]
    if protocol := result.get("inr_protocol"):
        lines += ["", *_protocol(protocol)]
    return "\n".join(lines)


def _line(row: dict) -> str:
    cells = (_DIGITS.get(m, "{:.2f}").format(row[m]) if row.get(m) is not None else "–" for m in METRICS)
    return f"| {row['system']} | {row['kbps']:.2f} | {' | '.join(cells)} |"


def _clips(result: dict) -> str:
    groups = ", ".join(f"{count} of {name}" for name, count in result["clips"].items())
    judged = next((row["judged"] for row in result["rows"] if "judged" in row), None)
    text = (
        f"{sum(result['clips'].values())} clips of at most {result['seconds']:g} s, of voices not trained on "
        f"({groups}), at 22 050 Hz. `local` is one model; its rate is that of whole files. "
        "Opus (libopus 1.3.1, variable rate) and Codec 2 are counted without headers."
    )
    return text + (f" ViSQOL and DNSMOS: means of {judged} of the clips." if judged else "")


def _protocol(protocol: dict) -> list[str]:
    published = {kbps: psnr for points in protocol["published"].values() for kbps, psnr in points}
    lines = [
        f"As papers on INR compression score LibriSpeech (16 kHz, first 3 s, {protocol['clips']} clips of voices not "
        "trained on), with PSNR of audio mapped to [0, 1]; left in [-1, 1] the same error reads 6.02 dB less:",
        "",
        "| kbit/s | PSNR in [0, 1], dB | PSNR in [-1, 1], dB | COIN++, published, fitted to each clip |",
        "|---:|---:|---:|---|",
    ]
    for row, (kbps, psnr) in zip(protocol["rows"], sorted(published.items()), strict=True):
        lines.append(
            f"| {row['kbps']:.1f} | {row['psnr_unit']:.1f} | {row['psnr_signed']:.1f} | {psnr} dB at {kbps} kbit/s |"
        )
    return lines


def draw(document: dict, folder: Path) -> None:
    """Write rate.png and rate.svg: one panel for each of four metrics, one curve for each system."""
    result = document["results"]
    rows = [row for row in result["rows"] if row["clips"]]
    fig, axes = figure(11, 6.4, rows=2, columns=2)
    for ax, metric in zip(axes.flat, ("pesq", "stoi", "lsd", "si_snr"), strict=True):
        for number, name in enumerate(dict.fromkeys(row["system"] for row in rows)):
            points = sorted((row["kbps"], row[metric]) for row in rows if row["system"] == name)
            ax.plot(*_columns(points), marker=_MARKS[number % len(_MARKS)], label=name, markersize=5)
        ax.set_xscale("log")
        ticks = [2, 4, 8, 16, 32]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set(xlabel="kbit/s", ylabel=METRICS[metric].rstrip(" ↑↓"), xlim=(1.2, 40))
        if metric == "si_snr":
            ax.set_ylim(-5, None)
    axes[0, 0].legend(frameon=False, fontsize=8)
    for suffix in ("png", "svg"):
        fig.savefig(folder / f"rate.{suffix}")


def _columns(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    x, y = zip(*points, strict=True)
    return list(x), list(y)
