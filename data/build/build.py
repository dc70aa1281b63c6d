"""Rebuild the embedded corpus: ``python data/build/build.py``, from anywhere.

Writes ``data/mini`` (speech, needs espeak-ng and flite), ``data/fullband`` (48 kHz sounds from formulas) and the
measured part of ``data/README.md``. Everything is built beside the old corpus and then renamed, so a build that
is interrupted leaves the old corpus whole.
"""

import tempfile
from pathlib import Path

from card import insert_measured, render_measured
from fullband import build_fullband
from mini import build_mini
from speech import engine_versions
from storage import replace_folder

DATA = Path(__file__).resolve().parents[1]
BUILDERS = {"mini": build_mini, "fullband": build_fullband}


def build_corpus(data: Path) -> None:
    """Build both folders in a scratch folder inside ``data``, then put them in place and update the card."""
    with tempfile.TemporaryDirectory(dir=data, prefix=".building-") as folder:
        scratch = Path(folder)
        for name, build in BUILDERS.items():
            (scratch / name).mkdir()
            build(scratch / name)
        card = insert_measured((data / "README.md").read_text(encoding="utf-8"), render_measured(scratch))
        for name in BUILDERS:
            replace_folder(scratch / name, data / name)
        (data / "README.md").write_text(card, encoding="utf-8")


def main() -> None:
    """Check the engines first, then build."""
    try:
        engine_versions()
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    build_corpus(DATA)


if __name__ == "__main__":
    main()
