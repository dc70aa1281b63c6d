"""How long a preset's training takes on machines that were not at hand, estimated from those that were.

    python data/build/expected_steps.py    # writes data/results/expected_steps.json; `make readme` does so, too

An H200 was measured (bench_gpu_speed), and one or two cores of a server (bench_tutorial, bench_step), which stand for
a laptop. What another card makes of it is estimated in two ways, the ends of a range:

    by arithmetic, in float32    fraction · peak / operations of a step
    by memory, in 16 bits        steps a second of the H200's training · memory's speed / that of the H200

where the fraction is the share that the step reaches, on the H200, of the rate of one large matrix product. Twice as
many clips in a step count as half as many steps.
"""

import json
from pathlib import Path

from hypersound_lib.presets import preset
from hypersound_lib.provenance import provenance, write_result

RESULTS = Path(__file__).resolve().parents[1] / "results"
NAME, COMMAND = "expected_steps", "python data/build/expected_steps.py"
SAME_MODEL = {"t4": "paper-small", "paper-base": "paper-base"}  # preset: the one with this model that was measured
CARDS = {"T4": (8.1e12, 0.32), "A100": (19.5e12, 1.555)}  # by their maker: float32 operations/s; memory, TB/s
H200_MEMORY = 4.8  # TB/s


def main() -> None:
    """Write the estimates, unless the file holds them already."""
    path, found = RESULTS / f"{NAME}.json", estimates(RESULTS)
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8"))["results"] != found:
        write_result(path, found, provenance(COMMAND))


def estimates(folder: Path) -> list[dict]:
    """Return a row for each preset and machine: steps a second, from the lower to the higher, and how it was found."""
    names = ("bench_tutorial", "bench_step", "bench_gpu_speed")
    records = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    tutorial, on_cpu, on_gpu = (record["results"] for record in records.values())
    cores, more = (records[name]["provenance"]["machine"]["torch_threads"] for name in names[:2])
    speed = tutorial["steps"] / tutorial["seconds"]
    rows = [row("tutorial", "laptop", [speed], f"measured, {cores} core of a server")]
    for name, measured in SAME_MODEL.items():
        clips = preset(name).training.batch_size
        speed = on_cpu["batch_size"] / clips / on_cpu[measured]["ours"]["float32"]["step"]
        how = f"{more} cores of a server were measured, with {on_cpu['batch_size']} clips a step"
        rows.append(row(name, "laptop", [speed], f"estimate: {how}"))
        rows += on_cards(name, on_gpu["steps"][measured], loop_speed(on_gpu, measured), clips)
    return rows


def on_cards(name: str, step: dict, speed: float, clips: int) -> list[dict]:
    """Return the rows of the other cards, and that of the H200, on which a training made `speed` steps a second."""
    share = step["batch_size"] / clips
    ends = {
        card: [share * step["float32"]["fraction_of_peak"] * peak / step["flops"], share * speed * memory / H200_MEMORY]
        for card, (peak, memory) in CARDS.items()
    }
    how = "measured, in bfloat16" if share == 1 else f"estimate: measured with {step['batch_size']} clips a step"
    others = [row(name, card, found, "estimate from an H200") for card, found in ends.items()]
    return [*others, row(name, "H200", [share * speed], how)]


def loop_speed(on_gpu: dict, name: str) -> float:
    """Return the steps a second of a training as one gets it unasked: recorded, with workers, not fused."""
    (loop,) = (
        loop
        for loop in on_gpu["loops"]
        if loop["preset"] == name and loop["cuda_graph"] and loop["workers"] and not loop.get("fused")
    )
    return loop["steps_per_second"]


def row(name: str, machine: str, speeds: list[float], how: str) -> dict:
    """Return one row of the results."""
    ends = [min(speeds), max(speeds)]
    return {
        "preset": name,
        "machine": machine,
        "steps": preset(name).training.steps,
        "steps_per_second": ends,
        "how": how,
    }


def table(document: dict) -> str:
    """Return the estimates for the page of results."""
    lines = [
        "**How long a training takes**, by the speeds above. Only the H200 and cores of a server were measured; the "
        "latter stand for a laptop. A range for a T4 or an A100 lies between two estimates: by arithmetic (the share "
        "of a large matrix product's rate that a step in float32 reaches on the H200, of the other card's peak), and "
        "by memory (the speed of the H200's training, in 16 bits, times the ratio of the memories' speeds). Peaks and "
        "memory speeds are the maker's. The range says how far the two differ, not how sure they are.",
        "",
        "| preset | steps | machine | steps a second | hours | |",
        "|---|---:|---|---:|---:|---|",
    ]
    for found in document["results"]:
        low, high = found["steps_per_second"]
        hours = span(found["steps"] / high / 3600, found["steps"] / low / 3600, ",.1f")
        cells = f"{found['steps']:,} | {found['machine']} | {span(low, high, '.2f')} | {hours} | {found['how']}"
        lines.append(f"| `{found['preset']}` | {cells} |")
    return "\n".join([*lines, "", f"(`{document['provenance']['command']}`, from the records of the tables above.)"])


def span(low: float, high: float, form: str) -> str:
    """Return "low to high", or one number where both read the same.

    >>> span(0.77, 1.62, ".1f"), span(99.6, 100.4, ".0f")
    ('0.8 to 1.6', '100')
    """
    ends = f"{low:{form}}", f"{high:{form}}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


if __name__ == "__main__":
    main()
