"""What a reader should conclude where a model stands beside fixed codes, as sentences; see ``readings.py``."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from readings import span

from hypersound_lib.evaluation import Evaluation, evaluation_from_json
from hypersound_lib.metrics import METRICS

sys.path.append(str(Path(__file__).resolve().parents[2]))
from tests.benchmarks.equal_bits import scores_at

_CODES = (
    "Neither is a network. PCA was fitted to voices of `mini`; which coefficients the MDCT keeps is not counted in its "
    "size."
)


def fixed_code(result: Mapping) -> str:
    """Say where the fixed code has a higher SI-SNR than `local` at equal bits, on the mean."""
    rows = sorted((row for row in result["rows"] if row["clips"]), key=lambda row: row["kbps"])
    ours = [row for row in rows if row["system"] == "local"]
    pairs = [
        (row, scores_at(row["kbps"], ours, ("si_snr", "pesq", "lsd"))) for row in rows if row["system"] == "fixed code"
    ]
    ahead = [(row, own) for row, own in pairs if own and row["si_snr"] > own["si_snr"]]
    if not ahead:
        return ""
    listed = ", ".join(
        f"{row['si_snr']:.1f} dB at {row['kbps']:.2f} kbit/s (`local` {own['si_snr']:.1f})" for row, own in ahead
    )
    pesq, lsd = (" and ".join(f"{o[key]:.2f} against {r[key]:.2f}" for r, o in ahead) for key in ("pesq", "lsd"))
    return (
        f"The fixed code has a higher SI-SNR at equal bits: {listed}; scores of `local` there lie on the line between "
        "those of its neighbouring rates. What `local` fills in where nothing was sent has the right level, but not "
        "the right phase (without it SI-SNR is higher: see what each part brings, below), and its loss spends bits for "
        f"the ear: at these rates its PESQ is {pesq}, its LSD {lsd}."
    )


def equal_size(results: Mapping) -> str:
    """Say on which metrics PCA and MDCT, with as many numbers a second, are better than an evaluation's model."""
    found = evaluation_from_json(results)
    model = next(iter(found.sizes))
    return f"With as many numbers a second as the model's narrowest layer: {_codes(found, model)}. {_CODES}"


def _codes(found: Evaluation, model: str) -> str:
    """Compare a model, at its own rate, with each fixed code of equal size."""
    rate, said = found.rows[0].sample_rate, []
    for other in (name for name, at in found.systems if name.startswith(("PCA", "MDCT")) and at == rate):
        better = [m for m in found.metrics if _better(m, *(found.interval(s, m, rate).mean for s in (other, model)))]
        apart = [m for m in better if not _overlap(found, model, other, m)]
        clear = "all of these" if apart == better else _names(apart) if apart else "none of these"
        said.append(f"{other} is better than `{model}` {_on(better, found.metrics)} (intervals are apart on {clear})")
    return ", and ".join(said) + f". {_beside_pca(found, model)}"


def _beside_pca(found: Evaluation, model: str) -> str:
    """Say which of a model and the PCA of equal size is ahead where intervals are apart."""
    rate = found.rows[0].sample_rate
    pca = next(name for name, _ in found.systems if name.startswith("PCA"))
    apart = [m for m in found.metrics if not _overlap(found, model, pca, m)]
    behind = [_better(m, *(found.interval(s, m, rate).mean for s in (pca, model))) for m in apart]
    if not apart:
        return f"So `{model}` cannot be told from a linear code of its size"
    verdict = "behind" if all(behind) else "in part behind, in part ahead of" if any(behind) else "ahead of"
    return f"So as a code `{model}` is {verdict} a linear one of its size"


def _overlap(found: Evaluation, one: str, other: str, metric: str) -> bool:
    a, b = (found.interval(system, metric, found.rows[0].sample_rate) for system in (one, other))
    return a.overlaps(b)


def tutorial(row: Mapping) -> str:
    """Say on which metrics the fixed codes of equal size, and the untrained model, are better than `tutorial`."""
    metrics = [name for name in METRICS if name in row]
    said = []
    for name, other in row["beside"].items():
        if name != "untrained":
            better = [m for m in metrics if _better(m, other[m], row[m])]
            said.append(f"{name} is better {_on(better, metrics)}")
    untrained = [m for m in metrics if _better(m, row[m], row["beside"]["untrained"][m])]
    return (
        f"Compared by {_names(metrics)}, it is better than the untrained model {_on(untrained, metrics)}: training "
        f"does much. But with as many numbers a second {', and '.join(said)}."
    )


def table1(records: Mapping[str, Mapping]) -> str:
    """Say what Table 1 at a small scale shows: of losses, of sizes, and of `base` beside fixed codes."""
    found = {name: evaluation_from_json(record["evaluation"]) for name, record in records.items()}
    nmse = {name: one.interval(name, "nmse", one.rows[0].sample_rate).mean for name, one in found.items()}
    silent = [name for name in nmse if nmse[name] > 1]
    taught = [name for name in nmse if name not in silent and name != "rave"]
    if not ({"base", "small", "large"} <= set(taught) and silent):
        return ""
    return (
        f"**What to conclude.** At this scale the loss decides whether a model learns the waveform: NMSE is "
        f"{_nmse_after(silent, nmse, records)}, no better than silence, and {_nmse_after(taught, nmse, records)}. "
        f"{_sizes(found)} With as many numbers a second {_codes(found['base'], 'base')}."
    )


def _nmse_after(names: Sequence[str], nmse: Mapping[str, float], records: Mapping[str, Mapping]) -> str:
    losses = ", ".join(dict.fromkeys(f"`{_loss(records[name])}`" for name in names))
    return f"{span([nmse[name] for name in names], 2)} with {losses}"


def _sizes(found: Mapping[str, Evaluation]) -> str:
    """Say on which metrics the smallest and the largest target network differ by more than their intervals."""
    (small, large), metrics = (found[name] for name in ("small", "large")), found["base"].metrics
    rate = small.rows[0].sample_rate
    apart = [m for m in metrics if not small.interval("small", m, rate).overlaps(large.interval("large", m, rate))]
    if apart:
        return f"`small` and `large` differ by more than their intervals on {_names(apart)}."
    return "The size of the target network does not show: all intervals of `small` and `large` overlap."


def _loss(record: Mapping) -> str:
    return next(part["loss"]["terms"] for part in record["configs"] if isinstance(part, Mapping) and "loss" in part)


def _better(metric: str, value: float, other: float) -> bool:
    return value > other if METRICS[metric].higher_is_better else value < other


def _names(metrics: Iterable[str]) -> str:
    return ", ".join(METRICS[metric].label for metric in metrics)


def _on(some: Sequence[str], every: Sequence[str]) -> str:
    """Say on how many of the metrics: all, all but a few, a few, or none."""
    rest = [metric for metric in every if metric not in some]
    if not rest:
        return f"on all {len(every)} metrics"
    if not some:
        return f"on none of {len(every)} metrics"
    return f"on all metrics but {_names(rest)}" if len(rest) < len(some) / 2 else f"on {_names(some)}"
