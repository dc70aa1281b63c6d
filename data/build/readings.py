"""What a reader should conclude of trainings, as sentences: each number, and who is ahead, comes from the record.

A sentence whose record no longer shows what it says is empty; tests/packaging/test_readings.py sees that none is.
"""

from collections.abc import Mapping, Sequence

from hypersound_lib.evaluation import Evaluation
from hypersound_lib.presets import preset


def clip_lengths(results: Mapping) -> str:
    """Say what longer clips cost on a GPU."""
    rows = [row for row in results["lengths"] if "scores" in row]
    best, last, shipped = min(rows, key=_nmse), rows[-1], results["hypersound-small"]
    first, *_, narrow = sorted(results["longer"], key=lambda row: row["units"])
    if not (_nmse(best) < _nmse(last) and shipped["nmse"] < _nmse(first) < _nmse(narrow)):
        return ""
    return (
        f"Short clips are easier: with {best['units']} units NMSE is least at {best['milliseconds']} ms "
        f"({_nmse(best):.3f}) and {_nmse(last):.3f} at {last['milliseconds']} ms, where a second of sound also has "
        f"fewer numbers. More units for a narrower target do not mend that: at {first['milliseconds']} ms NMSE is "
        f"{_nmse(first):.3f} with {first['units']} units and width {first['width']}, {_nmse(narrow):.3f} with "
        f"{narrow['units']} and width {narrow['width']}, while the shipped model, with its shorter clip, has "
        f"{shipped['nmse']:.3f}. These last rows learnt from other recordings and for longer than those above: compare "
        "them with each other alone."
    )


def clip_numbers(results: Mapping) -> str:
    """Say how much of what a longer clip costs is that a second has fewer numbers."""
    held, second = ({row["milliseconds"]: row for row in results[key]} for key in ("per_clip", "per_second"))
    short, long = 64, 256
    if not {short, long} <= held.keys() & second.keys():
        return ""
    clip, rate = (_nmse(rows[long]) / _nmse(rows[short]) for rows in (held, second))
    if not clip > rate > 1:
        return ""
    return (
        f"What a longer clip costs is for the most part that a second of it has fewer numbers: from {short} to {long} "
        f"ms NMSE grows {clip:.0f} times where the units of a clip are held ({_nmse(held[short]):.3f} to "
        f"{_nmse(held[long]):.3f}), and {rate:.1f} times where the numbers of a second are held "
        f"({_nmse(second[short]):.3f} to {_nmse(second[long]):.3f}). In equal time the longer clip also had fewer "
        f"steps there ({second[long]['steps']}, not {second[short]['steps']}), so that even less may be due to its "
        "length."
    )


def _nmse(row: Mapping) -> float:
    return row["scores"]["nmse"]


def parts(results: Mapping) -> str:
    """Say which changed models are ahead of the full one somewhere after so few steps, by a PESQ that may count."""
    least, full, ahead = 0.02, results["rows"][0], []
    for row in results["rows"][1:]:
        places = [
            f"{at['pesq']:.2f} against {best['pesq']:.2f} at {kbps:g} kbit/s"
            for kbps, at, best in zip(results["kbps"], row["at"], full["at"], strict=True)
            if at and best and at["pesq"] > best["pesq"] + least
        ]
        if places:
            ahead.append(f"“{row['row']}” ({', '.join(places)})")
    if not ahead:
        return ""
    return (
        f"By PESQ these are more than {least:g} ahead of the full model somewhere: {'; '.join(ahead)}. Whether they "
        "stay so after many thousand steps, which the shipped weights had, this table does not tell."
    )


def paper_models(results: Mapping, tutorial_row: Mapping | None, references: Evaluation | None) -> str:
    """Say what the paper's models are to be compared with, which was not measured beside them."""
    names = ("paper-small", "paper-base")
    stoi, si_snr = ([results[name]["scores"][key] for name in names] for key in ("stoi", "si_snr"))
    said = [
        f"With an SI-SNR of {span(si_snr, 1)} dB they have not learnt the waveform. No untrained model and no random "
        f"phase were scored beside their STOI of {span(stoi, 2)}."
    ]
    if tutorial_row:
        rate, row = preset("tutorial").model.sample_rate, tutorial_row["beside"]["untrained"]
        said.append(
            f"Elsewhere, on {tutorial_row['recordings']} recordings of these voices at {rate / 1000:g} kHz, the "
            f"untrained `tutorial` has STOI {row['stoi']:.2f}."
        )
    if references:
        rate = references.rows[0].sample_rate
        stoi_found = references.interval("random phase", "stoi", rate).mean
        behind = ": these models are behind it" * (max(stoi) < stoi_found)
        said.append(
            f"Random phase, whose waveform is wrong too, has {stoi_found:.2f} on {len(references.clips)} recordings at "
            f"{rate / 1000:g} kHz (Table 1){behind}."
        )
    return " ".join(said)


def windows(results: Mapping) -> str:
    """Say that trainings too short to leave silence behind say nothing about a window."""
    nmse, si_snr = ([row["validation"][key] for row in results["trainings"]] for key in ("nmse", "si_snr"))
    if min(nmse) < 1:
        return ""
    return (
        f"None of these trainings became better than silence (NMSE {span(nmse, 2)}, silence has 1; SI-SNR "
        f"{span(si_snr, 0)} dB), so their "
        "losses say nothing about the window: only the seconds of a step do."
    )


def overfit(results: Mapping) -> str:
    """Say what generated weights reach in as many steps as direct ones, and what else matters."""
    rows = {(row["num_params"], row["generated"], row["default_head"]): row for row in results["rows"]}
    small, even = (value(row["num_params"] for row in results["rows"]) for value in (min, max))
    found = {key: reached(row, results["rows"]) for key, row in rows.items()}
    pairs = [(found[size, True, False], found[size, False, False]) for size in (small, even)]
    ours, usual = (found[small, True, default] for default in (False, True))
    if not (all(generated >= direct for generated, direct in pairs) and pairs[1] > pairs[0] and ours > usual):
        return ""
    seconds = [row["curve"][-1][1] for row in results["rows"]]
    (a, b), (c, d) = pairs
    return (
        f"The first row had {seconds[0]:.0f} s and the others {span(seconds[1:], 0)} s, and a step took longer in some "
        "rows than in others: compare rows at equal steps, each one training. There generated weights come no less far "
        f"than weights that are fitted directly, {a:.1f} against {b:.1f} dB on octaves and {c:.1f} against {d:.1f} dB "
        "on even frequencies: a hypernetwork can carry a waveform. Even frequencies come further in fewer steps, with "
        f"{even / small:.1f} times as many weights. With the head as `nn.Linear` starts it, it is {usual:.1f} dB in "
        f"place of {ours:.1f}."
    )


def reached(row: Mapping, rows: Sequence[Mapping]) -> float:
    """Return a row's best SI-SNR in as many steps as every row of its target has."""
    return max(value for step, _, value in row["curve"] if step <= common_steps(row, rows))


def common_steps(row: Mapping, rows: Sequence[Mapping]) -> int:
    """Return how many steps every row has whose target is that of this row."""
    return min(other["curve"][-1][0] for other in rows if other["num_params"] == row["num_params"])


def gpu_training(results: Mapping) -> str:
    """Say why SI-SNR falls while the loss does."""
    first, last = (results["curves"][0]["scores"][i] for i in (0, -1))
    fallen = all(last[key] < first[key] for key in ("loss", "si_snr", "rate", "loudness"))
    if not (fallen and last["nmse"] > first["nmse"]):
        return ""
    return (
        f"While the loss falls, SI-SNR falls from {first['si_snr']:.1f} to {last['si_snr']:.1f} dB and NMSE rises: the "
        f"loss also counts bits (its term `rate` falls from {first['rate']:.2f} to {last['rate']:.2f}) and loudness "
        f"(from {first['loudness']:.2f} to {last['loudness']:.2f})."
    )


def minutes(results: Mapping) -> str:
    """Say why SI-SNR falls while a model learns what its loss asks for."""
    rows = [row for row in results["rows"] if "si_snr" in row]
    peak, last = max(rows, key=lambda row: row["si_snr"]), rows[-1]
    if not (last is not peak and last["pesq"] > peak["pesq"] and last["lsd"] < peak["lsd"]):
        return ""
    return (
        f"SI-SNR falls again, from {peak['si_snr']:.1f} dB after {peak['seconds']:.0f} s to {last['si_snr']:.1f} dB "
        f"after {last['seconds']:.0f} s, while PESQ rises from {peak['pesq']:.2f} to {last['pesq']:.2f} and LSD "
        f"falls from {peak['lsd']:.2f} to {last['lsd']:.2f}: the loss counts bits and loudness beside the waveform."
    )


def span(values: Sequence[float], digits: int) -> str:
    """Return the least and the largest of numbers, or one number where they look the same."""
    low, high = (f"{value(values):.{digits}f}" for value in (min, max))
    return low if low == high else f"{low} to {high}"


def followed(text: str) -> list[str]:
    """Return the lines of a paragraph below a table; none where there is nothing to say."""
    return ["", text] if text else []
