"""The pages of what was measured and of the shipped models; data/build/readme.py makes the README's tables for them."""

import sys

from links import ROOT

sys.path.append(str(ROOT / "data" / "build"))
import readme

SECTIONS = {
    "The local model": (
        "bench_rate",
        "bench_local_minutes",
        "bench_local",
        "bench_local_ablation",
        "bench_local_elsewhere",
    ),
    "HyperSound": ("hypersound-small", "evaluate_vctk16", "evaluate_speech48", "bench_tutorial", "bench_sweep"),
    "Speed and memory": ("bench_step", "bench_memory", "bench_window", "bench_overfit"),
}


def page() -> str:
    """Return the page of results.

    Raises:
        ValueError: a table stands in no section.
    """
    tables = readme.TABLES | readme.MORE
    if unplaced := tables.keys() - {name for names in SECTIONS.values() for name in names}:
        raise ValueError(f"these tables stand in no section of docs/results.py: {sorted(unplaced)}")
    parts = ["# Results", "Every table says by which command it was measured, and on what."]
    for title, names in SECTIONS.items():
        parts += [f"## {title}", *readme.rendered({name: tables[name] for name in names})]
    parts += ["## Table 1 of the paper", readme.table1(readme.RESULTS / "table1")]
    return "\n\n".join(parts).replace("<details>", '<details markdown="1">') + "\n"


def models(names: list[str]) -> str:
    """Return the page that lists the shipped models."""
    rows = "\n".join(f"- [`{name}`]({name}.md)" for name in names)
    return (
        "# Models\n\nThese come with the library: `HyperSound.from_pretrained(name)` loads one. Each card tells its "
        f"size, its training data and what to expect.\n\n{rows}\n\n"
        "All can be tried on [the embedded corpus](corpus.md), which has a card of its own.\n"
    )
