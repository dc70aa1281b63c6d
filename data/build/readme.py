"""Render what was measured into README.md, docs/index.md and data/results/README.md: ``python data/build/readme.py``.

Every number comes from a file in ``data/results``; what was not measured yet is left out. README and front page have
markers, between which it goes. tests/packaging/test_readme.py sees that all are in step.
"""

import json
from collections.abc import Callable
from pathlib import Path

import rate_table
import readme_local
import soundfile

from hypersound_lib.evaluation import evaluation_from_json

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "data" / "results"
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "index.md"
MORE_PAGE = RESULTS / "README.md"
VOICE = ROOT / "data" / "mini" / "wav48_silence_trimmed" / "s22" / "s22_004_mic1.ogg"
COPY = RESULTS / "unseen_voice" / "copy.hs"


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    if is_measured("bench_rate"):
        rate_table.draw(load("bench_rate"), RESULTS)


def pages() -> dict[Path, str]:
    """Return every page, with its tables and figures anew."""
    readme, index = (path.read_text(encoding="utf-8") for path in (README, INDEX))
    parts = rendered(TABLES) + ([table1(RESULTS / "table1")] if (RESULTS / "table1").is_dir() else [])
    readme = between("results", readme, "\n" + "\n\n".join(parts) + "\n")
    more = [
        "# More results",
        "What the README does not show; `make readme` writes this page.",
        rate_table.PICTURE,
        *rendered(MORE),
    ]
    return {
        README: between("voice", readme, voice()),
        INDEX: between("voice", index, voice()),
        MORE_PAGE: "\n\n".join(more) + "\n",
    }


def rendered(tables: dict[str, Callable[[dict], str]]) -> list[str]:
    """Return those of the tables that were measured."""
    return [make(load(name)) for name, make in tables.items() if is_measured(name)]


def is_measured(name: str) -> bool:
    """Whether there is such a file of results."""
    return (RESULTS / f"{name}.json").is_file()


def between(name: str, page: str, text: str) -> str:
    """Return a page with the text between two markers replaced."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{text}{end}{after}"


def voice() -> str:
    """Say how large the file is through which the unseen voice went."""
    if not COPY.is_file():
        return "a small file"
    seconds, size = soundfile.info(VOICE).duration, COPY.stat().st_size
    return f"a file of {size} bytes for {seconds:.1f} s, {size / 125 / seconds:.1f} kbit/s"


def load(name: str) -> dict:
    """Return a file of results."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def origin(document: dict) -> str:
    """Say by which command a table was measured, and on what."""
    found = document["provenance"]
    machine = f"{found['machine']['cpu']}, {found['machine']['torch_threads']} threads"
    return f"(`{found['command']}`; {machine}, torch {found['packages']['torch']}.)"


def shipped_weights(document: dict) -> str:
    """What the weights that come with the library score."""
    results = document["results"]
    facts = results["facts"]
    lines = [
        f"**`hypersound-small`**, {facts['step']} steps in {facts['seconds'] / 60:.0f} minutes, on speakers that it "
        "was not trained on:",
        "",
        "| test speakers of | recordings | STOI | NMSE | SI-SNR | LSD |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for corpus, row in results["test"].items():
        cells = f"{row['stoi']:.3f} | {row['nmse']:.3f} | {row['si_snr']:.1f} dB | {row['lsd']:.2f}"
        lines.append(f"| {corpus} | {row['recordings']} | {cells} |")
    return "\n".join([*lines, "", origin(document)])


def tutorial(document: dict) -> str:
    """What `tutorial` reaches in its minutes."""
    row = document["results"]
    return (
        f"**`tutorial`**, trained on the embedded corpus for {row['seconds'] / 60:.1f} minutes ({row['steps']} steps): "
        f"STOI {row['stoi']:.3f}, NMSE {row['nmse']:.3f}, SI-SNR {row['si_snr']:.1f} dB on {row['recordings']} "
        f"recordings of its test speakers. {origin(document)}"
    )


def steps(document: dict) -> str:
    """What a training step costs."""
    results = document["results"]
    lines = [
        f"**A training step** of {results['batch_size']} clips of 32 768 samples, in seconds:",
        "",
        "| preset | ours | bfloat16 | plainest version | limit of the machine | decoding, of matrix-product rate |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in ("paper-base", "paper-small"):
        row = results[name]
        ours = " | ".join(f"{row['ours'][precision]['step']:.2f}" for precision in ("float32", "bfloat16"))
        plain, limit = row["plain"]["step"], row["limit_seconds"]["float32"]
        lines.append(f"| {name} | {ours} | {plain:.2f} | {limit:.2f} | {row['decode_fraction_of_rate']:.0%} |")
    return "\n".join([*lines, "", origin(document)])


def overfit(document: dict) -> str:
    """Whether a hypernetwork can carry a waveform."""
    results = document["results"]
    lines = [
        f"**One batch of {results['clips']} clips, learnt by heart** (mean SI-SNR; stopped at "
        f"{results['goal_db'] + 3:.0f} dB or out of time):",
        "",
        "| target and how its weights come about | weights | best | steps | seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in results["rows"]:
        last_step, seconds, _ = row["curve"][-1]
        lines.append(
            f"| {row['name']} | {row['num_params']} | {row['best_si_snr']:.1f} dB | {last_step} | {seconds:.0f} |"
        )
    return "\n".join([*lines, "", origin(document)])


def windows(document: dict) -> str:
    """What scoring only a part of each clip saves and costs."""
    results = document["results"]
    lines = [
        f"**A random window of each clip** (`--window`): seconds of a step without its update, and what "
        f"{results['limit_seconds']:.0f} s of training `paper-small` give on whole validation clips:",
        "",
        "| samples scored | paper-base, s | paper-small, s | steps | validation loss |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in results["trainings"]:
        window = str(row["window"])
        seconds = " | ".join(f"{results['step_seconds'][name][window]:.2f}" for name in ("paper-base", "paper-small"))
        lines.append(f"| {window} | {seconds} | {row['steps']} | {row['validation']['loss']:.2f} |")
    return "\n".join([*lines, "", origin(document)])


def sweep(document: dict) -> str:
    """The choices behind `tutorial`."""
    results = document["results"]
    lines = [
        "<details><summary><b>The choices behind <code>tutorial</code></b>: the preset with one thing changed, each "
        f"trained for {results['limit_seconds']:.0f} s</summary>",
        "",
        "| changed | to | steps | STOI | NMSE | LSD |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in results["variants"]:
        cells = f"{row['steps']} | {row['stoi']:.3f} | {row['nmse']:.3f} | {row['lsd']:.2f}"
        lines.append(f"| {row['changed'].strip(':')} | {row['value']} | {cells} |")
    return "\n".join([*lines, "", origin(document), "</details>"])


def memory(document: dict) -> str:
    """Peak memory by batch size."""
    runs = document["results"]["runs"]
    batches = sorted({row["batch_size"] for row in runs})
    lines = [
        "**Peak memory** of a training step on a CPU, in GiB, by batch size:",
        "",
        "| preset | " + " | ".join(map(str, batches)) + " |",
        "|---" + "|---:" * len(batches) + "|",
    ]
    for name in dict.fromkeys(row["preset"] for row in runs):
        peaks = {row["batch_size"]: row["peak_bytes"] / 2**30 for row in runs if row["preset"] == name}
        lines.append(f"| {name} | " + " | ".join(f"{peaks[size]:.1f}" for size in batches) + " |")
    return "\n".join([*lines, "", origin(document)])


def evaluation(document: dict) -> str:
    """What `hypersound evaluate` found: means, with the model's intervals."""
    results = document["results"]
    found = evaluation_from_json(results)
    model = next(iter(found.sizes))
    lines = [
        f"**`{model}` on {len(found.clips)} recordings of {Path(results['data']).name}**, voices that it was not "
        "trained on, beside references on the same recordings:",
        "",
        found.table(),
        "",
        *(f"{note}." for note in found.notes()[1:]),
        "",
        origin(document),
    ]
    return "\n".join(lines)


def folded(make: Callable[[dict], str], summary: str) -> Callable[[dict], str]:
    """Return a table that readers unfold."""
    return lambda document: f"<details><summary>{summary}</summary>\n\n{make(document)}\n</details>"


def table1(folder: Path) -> str:
    """The paper's table, as far as two CPU cores go."""
    origins = [json.loads(path.read_text(encoding="utf-8"))["provenance"] for path in sorted(folder.glob("*.json"))]
    text = (folder / "table1.md").read_text(encoding="utf-8").strip()
    shown = folded(
        lambda document: f"{text}\n\n{origin(document)}",
        "<b>The paper's Table 1</b> beside ours (<code>make table1</code>)",
    )
    return shown({"provenance": origins[0]})


def local(make: Callable[[dict, Callable[[dict], str]], str]) -> Callable[[dict], str]:
    """Return a table of `readme_local` or `rate_table`."""
    return lambda document: make(document, origin)


TABLES = {
    "bench_local_minutes": local(readme_local.minutes),
    "hypersound-small": shipped_weights,
    "evaluate_vctk16": evaluation,
    "evaluate_speech48": folded(evaluation, "The same for recordings of 48 kHz"),
    "bench_tutorial": tutorial,
    "bench_sweep": sweep,
    "bench_step": steps,
    "bench_memory": memory,
    "bench_window": windows,
    "bench_overfit": overfit,
}
MORE = {
    "bench_rate": local(rate_table.rate),
    "bench_local": local(readme_local.speed),
    "bench_local_ablation": local(readme_local.ablation),
    "bench_local_elsewhere": local(readme_local.elsewhere),
}

if __name__ == "__main__":
    main()
