"""The notebooks as pages: their executed copies as Markdown, with a place for each output."""

import html
import re
from pathlib import Path

import nbformat
from links import ROOT, Links, without_code
from outputs import Media, last_scripts_only, output_html

from hypersound_lib.data import load_audio
from hypersound_lib.notebook.players import compare_html

RECORDING = ROOT / "data" / "mini" / "wav48_silence_trimmed" / "s22" / "s22_004_mic1.ogg"
COPY = ROOT / "data" / "results" / "unseen_voice" / "copy.flac"

TITLE = "# @title "  # the first line of a cell that the notebook folds
FOLDED = '<details markdown="1"><summary>{}</summary>\n\n{}\n\n</details>'


def find(copies: Path) -> list[Path]:
    """Return the executed copies of the notebooks that the repository has, in their order."""
    return [path for path in sorted(copies.glob("*.ipynb")) if (ROOT / "notebooks" / path.name).is_file()]


def page_of(path: Path) -> str:
    """Return the page of a notebook."""
    return f"notebooks/{path.stem}.md"


def write(path: Path, pages: Path, links: Links) -> list[str]:
    """Write the page of an executed copy; return its outputs, which docs/hooks.py puts into their places."""
    # The page is a folder of its own on the site, so the notebooks' common folder of media is one up.
    media = Media(pages / "notebooks" / "media", "../media")
    parts, outputs = [], []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(prose(links.rewrite(cell.source, f"notebooks/{path.name}", page_of(path))))
        elif cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", []):
            parts.append(code(cell.source))
            for output in cell.outputs:
                if "text/markdown" in output.get("data", {}):
                    parts.append(f'<div class="output" markdown="1">\n\n{output["data"]["text/markdown"]}\n\n</div>')
                else:
                    parts.append(place(len(outputs)))
                    outputs.append(output_html(output, media))
    page = pages / page_of(path)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return last_scripts_only(outputs)


def code(source: str) -> str:
    """Return a code cell: in a fence, and below its title in <details> where the notebook folds it."""
    if not source.startswith(TITLE):
        return fenced(source)
    title, _, rest = source.removeprefix(TITLE).partition("\n")
    return FOLDED.format(html.escape(title), fenced(rest))


def prose(text: str) -> str:
    """Return Markdown as Python-Markdown wants it: it reads Markdown inside <details> only if told to."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return without_code(text, lambda part: part.replace("<details>", '<details markdown="1">'))


def fenced(source: str) -> str:
    """Return code in a fence that is longer than any in it."""
    source = source.removeprefix("# NBVAL_CHECK_OUTPUT\n")  # is meant for a test
    longest = max((len(run) for run in re.findall(r"`{3,}", source)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}python\n{source}\n{fence}"


def place(index: int) -> str:
    """Return the mark that docs/hooks.py replaces by an output."""
    return f'<div data-output="{index}"></div>'


def overview(links: Links) -> str:
    """Return the page of all notebooks: what the README says of them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## Notebooks\n", 1)[1].split("\n## ", 1)[0]
    return links.rewrite("# Notebooks\n" + prose(section), "README.md", "notebooks/index.md")


def unseen_voice(media: Media) -> str:
    """Return the player of the front page: a voice that the model was not trained on, and its copy."""
    sounds = {"the recording": load_audio(RECORDING), "what local makes of it": load_audio(COPY)}
    rates = {label: sample_rate for label, (_, sample_rate) in sounds.items()}
    return media.extract(compare_html({label: waveform for label, (waveform, _) in sounds.items()}, rates))
