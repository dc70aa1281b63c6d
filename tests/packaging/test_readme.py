"""README, front page and page of results show what data/results holds, and nothing else."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "data" / "build"))  # where readme.py finds its neighbour
SPEC = importlib.util.spec_from_file_location("build_readme", ROOT / "data" / "build" / "readme.py")
readme = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(readme)

# Shown elsewhere: in notebooks, on model cards; those of loader and decoder are for whoever changes these.
ELSEWHERE = {"notebooks", "bench_fit", "bench_loader", "local", "fuzz_hs"}


def test_pages_are_in_step_with_the_results():
    for path, text in readme.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make readme`"


def test_every_result_has_a_table_and_tells_its_command():
    for tables, page in ((readme.TABLES, readme.README), (readme.MORE, readme.MORE_PAGE)):
        text = page.read_text(encoding="utf-8")
        for name in filter(readme.is_measured, tables):
            assert readme.load(name)["provenance"]["command"] in text
    measured = {path.stem for path in readme.RESULTS.glob("*.json")}
    assert measured == {*filter(readme.is_measured, readme.TABLES | readme.MORE), *(ELSEWHERE & measured)}


def test_what_was_not_measured_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    monkeypatch.setattr(readme, "COPY", tmp_path / "copy.hs")
    pages = readme.pages()
    assert "<!-- results:begin -->\n\n<!-- results:end -->" in pages[readme.README]
    assert "<!-- voice:begin -->a small file<!-- voice:end -->" in pages[readme.INDEX]
