"""README, front page and page of results: short, in step with data/results, and what they tell a reader to do works."""

import csv
import importlib
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser as torchrun_parser

from hypersound_lib import load_audio
from hypersound_lib.cli import _parser
from hypersound_lib.presets import PRESETS
from tests.conftest import ROOT

sys.path.append(str(ROOT / "data" / "build"))
readme = importlib.import_module("readme")

# Shown in notebooks, on model cards, in the README; those of the loader are for whoever changes it.
ELSEWHERE = {"notebooks", "bench_fit", "bench_loader", "bench_gpu_correctness", "local"}
MAX_BYTES, MAX_ROWS = 9 * 1024, 8  # of the README, and of its table of results
TEXTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "data").rglob("*.md")),
]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_blocks(path: Path, language: str = "") -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(path), re.DOTALL | re.MULTILINE)
    return [code for found, code in blocks if found == language]


def between(page: str, name: str) -> str:
    return page.partition(f"<!-- {name}:begin -->")[2].partition(f"<!-- {name}:end -->")[0]


def test_pages_are_in_step_with_the_results():
    for path, text in readme.pages().items():
        assert text_of(path) == text, f"{path.name}: run `make readme`"


def test_every_result_has_a_table_and_tells_its_command():
    tables = {name for section in readme.SECTIONS.values() for name in section}
    text = text_of(readme.PAGE)
    for name in filter(readme.is_measured, tables):
        assert readme.shown_command(readme.load(name)["provenance"]["command"]) in text
    measured = {path.stem for path in readme.RESULTS.glob("*.json")}
    assert measured == {*filter(readme.is_measured, tables), *(ELSEWHERE & measured)}


def test_every_picture_is_drawn_from_the_records_and_shown_above_the_tables(tmp_path):
    names = [f"{name}.svg" for name in readme.plots.PICTURES]
    for folder in ("a", "b", "other"):
        shutil.copytree(readme.RESULTS / "table1", tmp_path / folder / "table1")
        for name in ("bench_tutorial", "bench_sweep", "bench_local", "bench_step", "bench_memory"):
            shutil.copy(readme.RESULTS / f"{name}.json", tmp_path / folder)
    for path in (tmp_path / "other").rglob("*.json"):  # every number is another one, to the same digits
        path.write_text(re.sub(r"(?<=: )0\.(\d)", lambda found: f"0.{9 - int(found[1])}", text_of(path)))
    for folder in ("a", "b", "other"):
        readme.plots.draw(tmp_path / folder)
    page = text_of(readme.PAGE)
    for name in names:
        drawn = [(tmp_path / folder / name).read_bytes() for folder in ("a", "b", "other")]
        assert drawn[0] == drawn[1]
        assert drawn[0] != drawn[2]
        (section,) = (part for part in page.split("\n## ") if f"]({name})" in part)
        assert section.index(f"]({name})") < section.index("\n|")
        assert len(re.search(rf"!\[(.*)\]\({name}\)", section)[1]) > 60
    (tmp_path / "empty").mkdir()
    readme.plots.draw(tmp_path / "empty")
    assert not [*(tmp_path / "empty").iterdir()]


def test_the_readme_is_short_and_has_one_table_of_results_with_local_beside_opus():
    page = text_of(readme.README)
    assert len(page.encode()) <= MAX_BYTES
    rows = [line for line in between(page, "results").splitlines() if line.startswith("| ")][1:]
    assert 0 < len(rows) <= MAX_ROWS
    tables = [line for line in page.splitlines() if re.match(r"\|[ :]*---", line)]
    assert len(tables) == 2, "the notebooks, and one of results"
    records = {}
    for row in readme.load("bench_rate")["results"]["rows"]:
        if row["clips"]:
            cells = f"{row['pesq']:.2f} | {row['stoi']:.3f} | {row['lsd']:.2f} | {row['si_snr']:.1f} |"
            records[f"{row['system']} {row['kbps']:.2f} {cells}"] = row["system"]
    shown = [re.sub(r"\| (\w+).*? \| ([\d.]+).*? \| (.*)", r"\1 \2 \3", row) for row in rows]
    assert [records[row] for row in shown] == ["local", "Opus"] * (len(rows) // 2)


def test_what_was_not_measured_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    monkeypatch.setattr(readme, "COPY", tmp_path / "copy.hs")
    pages = readme.pages()
    assert "<!-- voice:begin -->a small file<!-- voice:end -->" in pages[readme.INDEX]
    for page, name in [(readme.README, "measured"), (readme.README, "results"), (readme.PAGE, "table1")]:
        assert between(pages[page], name).strip().startswith("Not measured yet: ")
    for section, tables in readme.SECTIONS.items():
        said = between(pages[readme.PAGE], section)
        assert said.strip() == f"Not measured yet: {', '.join(f'`{name}`' for name in tables)}."


def test_without_opus_the_readme_shows_local_alone(monkeypatch):
    document = readme.load("bench_rate")
    document["results"]["rows"] = [row for row in document["results"]["rows"] if row["system"] != "Opus"]
    assert "Opus" not in readme.rate_table.sentence(document)
    assert "| Opus |" not in readme.rate_table.brief(document, lambda _: "")


def test_a_page_without_its_markers_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("<!-- voice:begin -->", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"page\.md lacks the markers <!-- voice:begin --> and <!-- voice:end -->"):
        readme.filled(tmp_path / "page.md", {"voice": "a file"})


@pytest.mark.slow
def test_the_readme_s_example_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copy(readme.VOICE, tmp_path / "voice.wav")  # soundfile looks at the content, not at the name
    (example,) = code_blocks(readme.README, "python")
    exec(compile(example, "README.md", "exec"), {})
    copy, sample_rate = load_audio(tmp_path / "copy.wav")
    original, original_rate = load_audio(readme.VOICE)
    assert sample_rate == 44100
    assert len(copy) / sample_rate == pytest.approx(len(original) / original_rate, abs=1e-3)


def commands_of(path: Path) -> list[list[str]]:
    """Return the words of the commands in a text's code, without shell variables that may be empty."""
    blocks = code_blocks(path) + code_blocks(path, "bash")
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [[w for w in shlex.split(line, comments=True) if not re.fullmatch(r"\$[A-Z]+", w)] for line in lines]


@pytest.mark.parametrize("path", [readme.README, ROOT / "docs/scaling.md"], ids=lambda path: path.name)
def test_commands_in_texts_are_understood(path):
    """By the library, and by torchrun, which starts it on several processes."""
    found = 0
    for words in commands_of(path):
        if "torchrun" in words:
            launch = torchrun_parser().parse_args(words[words.index("torchrun") + 1 :])
            assert (launch.module, launch.training_script) == (True, "hypersound_lib")
            words = ["hypersound", *launch.training_script_args]
        if words[:1] == ["hypersound"]:
            options = _parser().parse_args(words[1:])
            assert callable(options.run)
            assert getattr(options, "preset", None) in {None, *PRESETS}
            found += 1
    assert found > (3 if path.name == "scaling.md" else 5)


def test_what_a_step_costs_is_what_was_measured():
    measured = readme.load("bench_gpu_speed")["results"]
    steps, scaling = measured["steps"], text_of(ROOT / "docs/scaling.md")
    rows = re.findall(r"^\| `([a-z-]+)`, (\d+) \|(.*)\|$", scaling, re.MULTILINE)
    assert [preset for preset, *_ in rows] == ["paper-base", "paper-small"]
    for preset, clips, costs in rows:
        parts = steps[preset]["parts"]["bfloat16"].values()  # in the order of the table's head
        told = [cost.strip() for cost in costs.split("|")]
        assert (int(clips), told) == (steps[preset]["batch_size"], [f"{1000 * part:.1f}" for part in parts])
    text, base = " ".join(scaling.split()), steps["paper-base"]
    ways = [base["bfloat16"], *(base["recorded"][way] for way in ("layers", "fused", "compiled", "compiled, fused"))]
    bare, recorded, fused, compiled, both = (f"{100 * way['fraction_of_peak']:.1f} %" for way in ways)
    assert fused == compiled
    assert f"are {bare} for a bare step, because a slow processor launches its kernels one by one; {recorded}" in text
    assert f" recorded; {fused} with `--fused` or with `--compile`; {both} with both" in text
    layers, fused, _, both = (f"{1000 * way['seconds']:.1f}" for way in ways[1:])
    assert f"makes {both} ms of {layers}" in text
    memory = [f"{way['peak_bytes'] / 1e9:.1f}" for way in ways[1:3]]
    assert f"recorded: {fused} ms in place of {layers}, in {memory[1]} GB of memory in place of {memory[0]}" in text
    gradients = [f"{1000 * steps[name]['recorded']['layers']['gradients_seconds']:.1f}" for name, *_ in rows]
    assert f"all but the optimiser takes {' and '.join(gradients)} ms" in text
    at_once, chunked = (f"{1000 * base['chunks'][way]['seconds']:.1f}" for way in ("whole", "16 MiB"))
    assert f"a recorded step takes {at_once} ms at once and {chunked} in such chunks" in text
    rates = {(row["preset"], row["batch_size"]): [] for row in measured["loops"]}
    for row in measured["loops"]:
        if row["workers"] and not row["fused"]:
            rates[row["preset"], row["batch_size"]].append(f"{row['steps_per_second']:.0f}")
    (together,) = (row["steps_per_second"] for row in measured["loops"] if row["compiled"])
    assert f"Both together, recorded: `paper-base` {together:.0f} steps a second" in text
    small, base, local = (" and ".join(rates[key]) for key in (("paper-small", 16), ("paper-base", 16), ("local", 12)))
    assert f"`paper-small` {small}, `paper-base` {base}, `local` (12 clips) {local}" in text


def test_what_a_step_touches_is_what_was_counted():
    counted = readme.load("bench_traffic")["results"]
    text = " ".join(text_of(ROOT / "docs/scaling.md").split())
    plain, half, fused = (counted["step"][way]["whole"] for way in ("float32", "bfloat16", "bfloat16, fused"))
    for row, told in ((plain, "touch {} GB in {} kernels"), (half, "touches {} GB in {} kernels")):
        assert told.format(f"{row['bytes'] / 1e9:.1f}", row["kernels"]) in text
    part = counted["step"]["bfloat16"]
    target = sum(part[name]["bytes"] for name in ("target", "target, backward"))
    assert f"the target network's part is {target / 1e9:.1f} in place of" in text
    touched, beyond = ([f"{row[key] / 1e9:.1f}" for row in (fused, half)] for key in ("bytes", "bytes_beyond_cache"))
    assert "touches {} GB in place of {}, and {} in place of {} in tensors".format(*touched, *beyond) in text


each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@each_text
def test_every_make_command_in_a_text_exists(path):
    (phony,) = (line for line in text_of(ROOT / "Makefile").splitlines() if line.startswith(".PHONY:"))
    blocks = "\n".join(code_blocks(path))
    named = re.findall(r"`make ([a-z0-9-]+)", text_of(path)) + re.findall(r"^make ([a-z0-9-]+)", blocks, re.MULTILINE)
    assert set(named) <= set(phony.split()[1:])


@each_text
def test_links_lead_to_files_of_the_repository_and_no_text_names_a_folder_outside(path):
    text = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    pages = {"models/index.md", "notebooks/index.md", "library/index.md"}  # docs/build.py makes them
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if "://" not in target and not (path.parent.name == "docs" and target in pages):
            found = (path.parent / target).resolve()
            assert found.exists(), target
            assert found.is_relative_to(ROOT), target
    rest = re.sub(r"\]\([^)]*\)", "]", text_of(path))
    assert re.findall(r"""(?:^|[\s"'`(=])(?:\.\./|~/|/(?:home|root|tmp|mnt|work|Users)/)\S*""", rest) == []


@pytest.mark.parametrize("outside", ["../mine", "~/mine", "/data/mine", "../../x/mine/"])
@pytest.mark.parametrize("corpus", ["", "vctk16"])
def test_commands_are_shown_without_the_folders_of_who_measured(outside, corpus):
    folder = os.path.join(outside, corpus) if corpus else outside
    shown = f"FOLDER/{corpus}" if corpus else "FOLDER"
    for command in ("hypersound evaluate --data mini {} --json data/x.json", 'make bench ARGS="fit --speech {}"'):
        assert readme.shown_command(command.format(folder)) == command.format(shown)


def test_the_list_of_recordings_is_whole():
    rows = list(csv.DictReader((readme.PAGE.parent / "recordings.csv").open(encoding="utf-8", newline="")))
    assert len({row["path"] for row in rows}) == len({row["sha256"] for row in rows}) == len(rows) > 500
    for row in rows:
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"])
        assert float(row["seconds"]) > 0
        assert row["licence"] in {"CC0 1.0", "CC BY 4.0", "public domain"}
        assert all((row["origin"], row["source"]))
    train, test = ({Path(row["path"]).parent for row in rows if row["split"] == split} for split in ("train", "test"))
    assert not train & test


@pytest.mark.parametrize(
    "name", ["bench_local_minutes", "bench_local_ablation", "evaluate_vctk16", "evaluate_speech48"]
)
def test_every_recording_that_was_scored_is_listed_as_not_trained_on(name):
    if not readme.is_measured(name):
        pytest.skip(f"{name} was not measured")
    held_out = {Path(row["path"]).name for row in readme.recordings_listed() if row["split"] == "test"}
    embedded = {path.name for path in (ROOT / "data" / "mini").rglob("*.ogg")}
    scored = readme.load(name)["results"]["recordings"]
    assert {Path(recording).name for recording in scored} <= held_out | embedded
