"""The README shows what data/results holds, and nothing else."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "data" / "build"))  # where readme.py finds its neighbour
SPEC = importlib.util.spec_from_file_location("build_readme", ROOT / "data" / "build" / "readme.py")
readme = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(readme)


def test_tables_are_in_step_with_the_results():
    page = readme.README.read_text(encoding="utf-8")
    assert readme.render(page) == page, "run `make readme`"


def test_every_result_has_a_table_and_tells_its_command():
    page = readme.README.read_text(encoding="utf-8")
    for name in readme.TABLES:
        assert readme.load(name)["provenance"]["command"] in page
