"""Render what was measured into README.md, docs/index.md and data/results/README.md: ``python data/build/readme.py``.

Every number comes from a file in ``data/results``, and goes between two markers of a page. Pages name what was not
measured yet. tests/packaging/test_readme.py sees that all are in step.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import expected_steps
import plots
import rate_table
import readings
import readings_of_codes
import readme_local
import soundfile
from listed import recordings, recordings_listed
from readings import followed

from hypersound_lib.evaluation import evaluation_from_json

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "data" / "results"
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "index.md"
PAGE = RESULTS / "README.md"
VOICE = ROOT / "data" / "mini" / "wav48_silence_trimmed" / "s22" / "s22_004_mic1.ogg"
COPY = RESULTS / "unseen_voice" / "copy.hs"
NOT_MEASURED = "Not measured yet:"


def main() -> None:
    expected_steps.main()
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    if is_measured("bench_rate"):
        rate_table.draw(load("bench_rate"), RESULTS)
    plots.draw(RESULTS)


def pages() -> dict[Path, str]:
    """Return every page, with its tables and figures anew."""
    brief = rendered({"bench_rate": local(rate_table.brief)})
    parts = {
        README: {"voice": voice(), "measured": rendered({"bench_rate": rate_table.sentence}), "results": brief},
        INDEX: {"voice": voice()},
        PAGE: {
            **{name: rendered(tables) for name, tables in SECTIONS.items()},
            "table1": table1(RESULTS / "table1"),
            "recordings": recordings(),
        },
    }
    return {path: filled(path, texts) for path, texts in parts.items()}


def filled(path: Path, texts: dict[str, str]) -> str:
    """Return a page with each text between the two markers of its name.

    Raises:
        SystemExit: the page lacks the markers.
    """
    page = path.read_text(encoding="utf-8")
    for name, text in texts.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, found, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found and found_end):
            raise SystemExit(f"{path.name} lacks the markers {begin} and {end}")
        on_own_lines = rest.startswith("\n")
        page = before + begin + (f"\n{text}\n" if on_own_lines else text) + end + after
    return page


def rendered(tables: dict[str, Callable[[dict], str]]) -> str:
    """Return those of the tables that were measured, and say which were not."""
    found = [make(load(name)) for name, make in tables.items() if is_measured(name)]
    missing = [f"`{name}`" for name in tables if not is_measured(name)]
    return "\n\n".join(found + ([f"{NOT_MEASURED} {', '.join(missing)}."] if missing else []))


def is_measured(name: str) -> bool:
    """Whether there is such a file of results."""
    return (RESULTS / f"{name}.json").is_file()


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
    machine, count = found["machine"], found["machine"]["torch_threads"]
    machine = machine.get("gpu") or f"{machine['cpu']}, {count} thread{'s' * (count != 1)}"
    return f"(`{shown_command(found['command'])}`; {machine}, torch {found['packages']['torch']}.)"


def shown_command(command: str) -> str:
    """Return a command as a reader can give it: a folder outside the repository is called FOLDER.

    >>> shown_command("hypersound evaluate --data ../mine/vctk16"), shown_command('make bench ARGS="fit --speech mine"')
    ('hypersound evaluate --data FOLDER/vctk16', 'make bench ARGS="fit --speech FOLDER"')
    """
    corpora = {row["path"].partition("/")[0] for row in recordings_listed()}

    def named(match: re.Match) -> str:
        name = PurePosixPath(match[0]).name
        return f"FOLDER/{name}" if name in corpora else "FOLDER"

    return re.sub(r"""(?:(?<=--speech[ =])|(?<=[\s"'=])(?=/|~|\.\./))[^\s"']+""", named, command)


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
    """What `tutorial` reaches in its minutes, beside the untrained model and fixed codes of equal size."""
    row = document["results"]
    others = "; ".join(
        f"{name} STOI {other['stoi']:.3f}, NMSE {other['nmse']:.3f}, SI-SNR {other['si_snr']:.1f} dB"
        for name, other in row["beside"].items()
    )
    return (
        f"**`tutorial`**, trained on the embedded corpus for {row['seconds'] / 60:.1f} minutes ({row['steps']} steps): "
        f"STOI {row['stoi']:.3f}, NMSE {row['nmse']:.3f}, SI-SNR {row['si_snr']:.1f} dB on {row['recordings']} "
        f"recordings of its test speakers. Beside it, on the same: {others}. {readings_of_codes.tutorial(row)} "
        f"{origin(document)}"
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
    told = (
        "The last column: the operations of the target network, which turns instants into sound, over the time that it "
        "takes, forward and in float32, as a share of the rate of one large matrix product."
    )
    return "\n".join([*lines, "", told, "", origin(document)])


def chunks(document: dict) -> str:
    """What decoding in chunks of instants moves through memory, and what it takes on a CPU."""
    results = document["results"]
    lines = [
        f"**Decoding in chunks of instants**: the target network alone, forward and backward, for {results['clips']} "
        f"clips in bfloat16. Counted: kernels; GB read and written; those in tensors of more than "
        f"{results['cache_bytes'] / 1e6:.0f} MB, which leave a GPU's cache; GB at the most. A chunk's size is that of "
        "a layer's output in float32. Measured: processor time over that of all instants at once, on a CPU, for "
        f"{results['timed_clips']} clips in float32.",
        "",
        "| preset | chunk | kernels | GB touched | beyond a cache | at the most | time |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, precisions in results["counts"].items():
        for way, row in precisions["bfloat16"].items():
            sizes = " | ".join(f"{row[key] / 1e9:.2f}" for key in ("bytes", "bytes_beyond_cache", "peak_bytes"))
            timed = f"{results['ratios'][way]:.2f}" if name == "paper-base" else ""
            lines.append(f"| `{name}` | {way} | {row['kernels']} | {sizes} | {timed} |")
    return "\n".join([*lines, "", origin(document)])


def traffic(document: dict) -> str:
    """What a whole training step of the paper's model touches."""
    results = document["results"]
    lines = [
        f"**A whole training step** of `{results['preset']}`, {results['clips']} clips, but for its optimiser: counted "
        "on the CPU, nothing timed. Kernels are operations as torch dispatches them. Beyond a cache is what lies in "
        f"tensors of more than {results['cache_bytes'] / 1e6:.0f} MB. In bfloat16 the loss stays in float32. Fused, "
        "the target network writes each activation once, and once its gradient.",
        "",
        "| | GFLOP |" + "".join(f" kernels {way} | GB touched | beyond a cache |" for way in results["step"]),
        "|---|---:|" + "---:|---:|---:|" * len(results["step"]),
    ]
    for part, row in results["step"]["float32"].items():
        counts = " | ".join(counted(ways.get(part, {})) for ways in results["step"].values())
        lines.append(f"| {part} | {row['flops'] / 1e9:.0f} | {counts} |")
    return "\n".join([*lines, "", origin(document)])


def counted(row: dict) -> str:
    """Return three cells of the table of traffic; what was not counted is empty."""
    sizes = (f"{row[key] / 1e9:.1f}" if key in row else "" for key in ("bytes", "bytes_beyond_cache"))
    return " | ".join([str(row.get("kernels", "")), *sizes])


def overfit(document: dict) -> str:
    """Whether a hypernetwork can carry a waveform."""
    results = document["results"]
    lines = [
        f"**One batch of {results['clips']} clips, learnt by heart** (the best mean SI-SNR, in as many steps as all "
        f"rows of that target have, and in all steps; stopped at {results['goal_db'] + 3:.0f} dB or out of time):",
        "",
        "| target and how its weights come about | weights | at equal steps | at the end | steps | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in results["rows"]:
        last_step, seconds, _ = row["curve"][-1]
        equal = f"{readings.reached(row, results['rows']):.1f} dB in {readings.common_steps(row, results['rows'])}"
        best = f"{row['best_si_snr']:.1f} dB | {last_step} | {seconds:.0f} |"
        lines.append(f"| {row['name']} | {row['num_params']} | {equal} | {best}")
    return "\n".join([*lines, *followed(readings.overfit(results)), "", origin(document)])


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
    return "\n".join([*lines, *followed(readings.windows(results)), "", origin(document)])


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
        *followed(readings_of_codes.equal_size(results)),
        "",
        origin(document),
    ]
    return "\n".join(lines)


def gpu(document: dict) -> str:
    """What training steps cost on a GPU: bare, and as users train."""
    results = document["results"]
    peaks, left_out = results["ceilings"], results.get("left_out", ())
    note = f" {results['note']}" if "note" in results else ""
    note += f" A time limit left out: {'; '.join(left_out)}." if left_out else ""
    lines = [
        f"What follows was measured on one {results['device']}, whose matrix products reach "
        f"{peaks['bfloat16'] / 1e12:.0f} TFLOP/s in bfloat16, {peaks['tf32'] / 1e12:.0f} with TF32 and "
        f"{peaks['float32'] / 1e12:.0f} in float32. A bare step has neither loader nor log; "
        "its share of the peak says how far it is from being bound by arithmetic: most wait for a "
        f"slow processor to launch kernels, as the times of recorded steps below show.{note}",
        "",
        "| preset | clips | ms float32 | TF32 | bfloat16 | float16 | share of bfloat16's peak | memory, GB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in results["steps"].items():
        times = " | ".join(milliseconds(row.get(key)) for key in ("float32", "tf32", "bfloat16", "float16"))
        bare = row.get("bfloat16", {})
        share = f"{bare['fraction_of_peak']:.2%} | {bare['peak_bytes'] / 1e9:.1f}" if "seconds" in bare else " | "
        lines.append(f"| `{name}` | {row['batch_size']} | {times} | {share} |")
    lines += [
        "",
        "A bfloat16 step of 16 clips as trainings record it, replayed as a CUDA graph, with its update of the weights. "
        "Fused: the target network in kernels of its own (`--fused`); compiled: by `--compile`.",
        "",
        "| preset | recorded | ms | share of bfloat16's peak | memory, GB |",
        "|---|---|---:|---:|---:|",
    ]
    for name, row in results["steps"].items():
        for way, found in row.get("recorded", {}).items():
            failed = "seconds" not in found
            share = " | " if failed else f"{found['fraction_of_peak']:.1%} | {found['peak_bytes'] / 1e9:.1f}"
            lines.append(f"| `{name}` | {way} | {milliseconds(found)} | {share} |")
    lines += [
        "",
        "Forward and backward of such a step, where the target network decodes all instants at once or in chunks, of "
        "which one layer's output has so many bytes (ms):",
        "",
    ]
    (chunks,) = (row["chunks"] for row in results["steps"].values() if "chunks" in row)
    lines += [f"| {' | '.join(chunks)} |", "|" + "---:|" * len(chunks)]
    lines += [f"| {' | '.join(milliseconds(row) for row in chunks.values())} |"]
    lines += ["", "| as users train | clips | workers | CUDA graph | steps/s |", "|---|---:|---:|---|---:|"]
    for row in results["loops"]:
        rate = f"{row['steps_per_second']:.0f}" if "steps_per_second" in row else "failed"
        way = [key for key in ("fused", "compiled") if row[key]]
        recorded = ", ".join(["yes" if row["cuda_graph"] else "no", *way])
        lines.append(f"| `{row['preset']}` | {row['batch_size']} | {row['workers']} | {recorded} | {rate} |")
    return "\n".join([*lines, "", origin(document)])


def gpu_correctness(document: dict) -> str:
    """How the tests of a GPU ended."""
    results = document["results"]
    names = [name.partition("::")[2] for name, row in results["tests"].items() if row["outcome"] == "failed"]
    told = [f"{results['passed']} tests passed", f"{results['failed']} failed"]
    told += [f"{len(results['left_out'])} were left out by a time limit"] if "left_out" in results else []
    failed = f" (`{'`, `'.join(names)}`)" if names else ""
    line = (
        "**What a GPU computes**, against float64 on the CPU, and whether trainings run there: on one "
        f"{results['device']} {', '.join(told)}{failed}."
    )
    return "\n".join([line, "", origin(document)])


def milliseconds(row: dict | None) -> str:
    """Return a time of a row; a row may have failed, and one that a time limit left out is None."""
    return "" if row is None else f"{1000 * row['seconds']:.1f}" if "seconds" in row else "failed"


def gpu_training(document: dict) -> str:
    """How fast `local` learns on a GPU."""
    results = document["results"]
    (curve,) = results["curves"]
    lines = [
        f"The first part of the training of the shipped `local`, on one {results['device']}, {curve['batch_size']} "
        f"clips a step: medians on validation clips. There were {results['together']}.",
        "",
        "| minutes | steps | loss | NMSE | SI-SNR, dB |",
        "|---:|---:|---:|---:|---:|",
    ]
    for minutes, step, row in zip(curve["minutes"], curve["steps"], curve["scores"], strict=True):
        lines.append(f"| {minutes:.1f} | {step} | {row['loss']:.2f} | {row['nmse']:.4f} | {row['si_snr']:.1f} |")
    return "\n".join([*lines, *followed(readings.gpu_training(results)), "", origin(document)])


LENGTHS = """| clip, ms | units | width | numbers/s | steps | NMSE | SI-SNR, dB | STOI | PESQ |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""


def clip_lengths(document: dict) -> str:
    """What becomes of a model as its clips grow."""
    results = document["results"]
    shipped = {"milliseconds": 64, "shipped": True, "units": 400, "width": 24, "scores": results["hypersound-small"]}
    lines = [
        "Table 1's `base` at other clip lengths, and below models of 256 ms beside the shipped `hypersound-small`, "
        f"which has 64 ms ({results['note']}).",
        "",
        LENGTHS,
        *map(length_row, [*results["lengths"], *results["longer"], shipped]),
        *followed(readings.clip_lengths(results)),
    ]
    return "\n".join([*lines, "", origin(document)])


def clip_numbers(document: dict) -> str:
    """The same without a GPU, with numbers per clip held, and with numbers per second held."""
    results, rate = document["results"], document["results"]["per_clip"][0]["sample_rate"]
    same = [row for row in results["per_clip"] if row["milliseconds"] == 128]
    per_second = sorted([*same, *results["per_second"]], key=lambda row: row["milliseconds"])
    lines = [
        f"`base` at {rate / 1000:g} kHz, each trained for {results['per_clip'][0]['seconds']:.0f} s on one core: with "
        "200 units a clip, then with units in proportion to the clip.",
        "",
        LENGTHS,
        *map(length_row, [*results["per_clip"], *per_second]),
        *followed(readings.clip_numbers(results)),
    ]
    return "\n".join([*lines, "", origin(document)])


def length_row(row: dict) -> str:
    """Return a line of `LENGTHS`."""
    size = f"| {row['milliseconds']}{', shipped' * row.get('shipped', False)} | {row['units']} | {row['width']} |"
    if "failed" in row:
        return f"{size} | | {row['failed']} | | | |"
    scores = row["scores"]
    pesq = f"{scores['pesq']:.2f}" if "pesq" in scores else ""
    return (
        f"{size} {1000 * row['units'] / row['milliseconds']:.0f} | {row.get('steps', '')} | {scores['nmse']:.3f} "
        f"| {scores['si_snr']:.1f} | {scores['stoi']:.3f} | {pesq} |"
    )


def gpu_quality(document: dict) -> str:
    """What the paper's models learn on a GPU in minutes."""
    results = document["results"]
    note = f" ({results['note']})" if "note" in results else ""
    lines = [
        "The paper's models at its clip of 1.486 s, with its loss, on unseen voices of the embedded corpus"
        f"{note}. Sounds: `data/results/gpu_quality/`.",
        "",
        "| model | seconds | steps | clips a step | LSD | SI-SNR, dB | STOI |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("paper-small", "paper-base"):
        row = results[name]
        scores = row["scores"]
        lines.append(
            f"| `{name}` | {row['seconds']:.0f} | {row['steps']} | {row['batch_size']} | {scores['lsd']:.2f} "
            f"| {scores['si_snr']:.1f} | {scores['stoi']:.2f} |"
        )
    beside = load("bench_tutorial")["results"] if is_measured("bench_tutorial") else None
    references = table1_records().get("base")
    found = evaluation_from_json(references["evaluation"]) if references else None
    return "\n".join([*lines, "", readings.paper_models(results, beside, found), "", origin(document)])


def reliability(document: dict) -> str:
    """How bad inputs ended."""
    rows = document["results"]
    lines = [
        "Inputs that chance damages or makes up, from a seed. Each must end in a right result or an error that names "
        "what is wrong; anything else (another exception, a wrong result, much time or memory) is a fault.",
        "",
        "| inputs | tried | right result | named error | fault | slowest, s |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        right, named = (sum(row[kind].values()) for kind in ("right", "named_errors"))
        lines.append(
            f"| {name} | {row['inputs']} | {right} | {named} | {row['faults']} | {row['slowest_seconds']:.1f} |"
        )
    ends = [f"{name[0].upper()}{name[1:]}: {ended(row['right'])}." for name, row in rows.items()]
    return "\n".join([*lines, "", f"Right results. {' '.join(ends)}", "", origin(document)])


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def ended(right: dict[str, int]) -> str:
    """Say how many inputs ended in which right result.

    >>> ended({"1 kills survived, bit for bit": 22, "2 kills survived, bit for bit": 12}), ended({"read": 5, "cut": 1})
    ('22 survived one kill bit for bit, 12 two', '5 read; 1 cut')
    """
    kills = {re.match(r"(\d) kills survived, bit for bit$", end): count for end, count in right.items()}
    if None in kills:
        return "; ".join(f"{count} {end}" for end, count in right.items())
    (first, count), *others = [(NUMBERS[int(found[1])], count) for found, count in kills.items()]
    more = "".join(f", {count} {number}" for number, count in others)
    return f"{count} survived {first} kill{'s' * (first != 'one')} bit for bit{more}"


def voices(document: dict) -> str:
    """How the embedded corpus' test voices sound, beside real ones."""
    results = document["results"]
    lines = [
        "**The voices that notebooks play**, means over recordings. We take a voice for the less tiring, the higher "
        "its DNSMOS is and the more its pitch moves. Below stand real voices, some recordings of each folder:",
        "",
        "| voice | DNSMOS | above 3 kHz, dB | periodicity | pitch, semitones |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in (results["speakers"] | results["real"]).items():
        cells = f"{row['dnsmos']:.2f} | {row['high_db']:.1f} | {row['periodicity']:.2f} | {row['pitch_semitones']:.2f}"
        lines.append(f"| {name} | {cells} |")
    what = "; ".join(f"{name}: {text}" for name, text in results["measured"].items())
    return "\n".join([*lines, "", f"Measured were {what}. {origin(document)}"])


def folded(make: Callable[[dict], str], summary: str) -> Callable[[dict], str]:
    """Return a table that readers unfold."""
    return lambda document: f"<details><summary>{summary}</summary>\n\n{make(document)}\n</details>"


def table1(folder: Path) -> str:
    """The paper's table, as far as two CPU cores go."""
    records = sorted(folder.glob("*.json"))
    if not records or not (folder / "table1.md").is_file():
        return f"{NOT_MEASURED} `table1`."
    text = (folder / "table1.md").read_text(encoding="utf-8").strip()
    told = followed(readings_of_codes.table1(table1_records()))
    return "\n".join([text, *told, "", origin(json.loads(records[0].read_text(encoding="utf-8")))])


def table1_records() -> dict[str, dict]:
    """Return what each training of Table 1 found, by its name."""
    paths = sorted((RESULTS / "table1").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["results"] for path in paths}


def local(make: Callable[[dict, Callable[[dict], str]], str]) -> Callable[[dict], str]:
    """Return a table of `readme_local` or `rate_table`."""
    return lambda document: make(document, origin)


SECTIONS = {  # of the page of results
    "local": {
        "bench_rate": local(rate_table.rate),
        "bench_local_minutes": local(readme_local.minutes),
        "bench_local": local(readme_local.speed),
        "bench_local_ablation": local(readme_local.ablation),
        "bench_local_elsewhere": local(readme_local.elsewhere),
    },
    "hypersound": {
        "hypersound-small": shipped_weights,
        "evaluate_vctk16": evaluation,
        "evaluate_speech48": folded(evaluation, "The same for recordings of 48 kHz"),
        "bench_tutorial": tutorial,
        "bench_sweep": sweep,
        "bench_clip_length": clip_lengths,
        "bench_clip_numbers": clip_numbers,
        "bench_gpu_quality": gpu_quality,
    },
    "speed": {
        "bench_step": steps,
        "bench_chunks": chunks,
        "bench_traffic": traffic,
        "bench_gpu_correctness": gpu_correctness,
        "bench_gpu_speed": gpu,
        "expected_steps": expected_steps.table,
        "gpu_local": gpu_training,
        "bench_memory": memory,
        "bench_window": windows,
        "bench_overfit": overfit,
    },
    "reliability": {"reliability": reliability},
    "voices": {"voices": voices},
}

if __name__ == "__main__":
    main()
