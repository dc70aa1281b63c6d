"""Slides of the notebooks' core paths, for reveal.js, in build/slides/: ``python docs/slides.py``.

Each section of the core path is a row of slides: → goes to the next section, ↓ through its cells. Code and what it
shows are a slide each; folded code is left out. The cells are those of the executed copies, as on the website; no
notebook is run. All that a page loads lies beside it: reveal.js is that of the package sphinx-revealjs, formulas are
MathML.
"""

import argparse
import html
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import course
import nbformat
from hooks import mathml
from links import ROOT, Links, without_code
from nbconvert import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_output
from outputs import Media, last_scripts_only, output_html

sys.path.append(str(ROOT / "notebooks"))
from sections import FOLDED, Section, sections

STYLE = ROOT / "docs" / "slides.css"
REVEAL = "reveal.js"  # the folder beside the pages
TEMPLATE = """
{%- extends "reveal/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block footer_js -%}
<script src="{{ resources.reveal.url_prefix }}/dist/reveal.js"></script>
<script>
Reveal.initialize({hash: true, center: false, width: 1280, height: 720, margin: 0.03, slideNumber: "h.v"});
</script>
{%- endblock -%}
"""
INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Slides</title>
<h1>Slides</h1>
<ul>
{}
</ul>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=Path, default=ROOT / "build" / "notebooks", help="the executed notebooks")
    parser.add_argument("--slides", type=Path, default=ROOT / "build" / "slides", help="folder of the slides")
    options = parser.parse_args()
    copies = course.find(options.copies)
    if not copies:
        raise SystemExit(f"there is no executed notebook in {options.copies}: run `make tutorial` first")
    for made in (REVEAL, "media"):
        shutil.rmtree(options.slides / made, ignore_errors=True)
    copy_reveal(options.slides / REVEAL)
    titles = {path.stem: write(path, options.slides) for path in copies}
    items = [f'<li><a href="{name}.html">{html.escape(title)}</a></li>' for name, title in titles.items()]
    (options.slides / "index.html").write_text(INDEX.format("\n".join(items)), encoding="utf-8")
    print(f"{options.slides}/index.html lists the slides; → goes to the next section, ↓ through it, Esc shows all")


def copy_reveal(folder: Path) -> None:
    """Write reveal.js and our style to `folder`, in the order that nbconvert expects."""
    package = find_spec("sphinx_revealjs")
    if package is None or package.origin is None:
        raise SystemExit("reveal.js comes with the package sphinx-revealjs: pip install 'hypersound-lib[site]'")
    source = Path(package.origin).parent / "_static" / "revealjs"
    (folder / "dist" / "theme").mkdir(parents=True)
    for file in ("LICENSE", "dist/reveal.js", "dist/reveal.css"):
        shutil.copy(source / file, folder / file)
    shutil.copy(STYLE, folder / "dist" / "theme" / STYLE.name)


def write(copy: Path, folder: Path) -> str:
    """Write the slides of one executed copy; return their title."""
    notebook = nbformat.read(copy, as_version=4)
    opening, *others = sections(notebook)
    links = Links({f"notebooks/{path.name}": f"{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")})
    slides = title_slide(opening)
    for section in others:
        slides += section_slides(section) if section.core else []
    for cell in slides:
        if cell.cell_type == "markdown":
            cell.source = formulas(links.rewrite(cell.source, f"notebooks/{copy.name}", f"{copy.stem}.html"))
    show_outputs([cell for cell in slides if cell.cell_type == "code"], Media(folder / "media", "media"))
    notebook.cells = slides
    notebook.metadata["title"] = opening.title
    exporter = SlidesExporter(raw_template=TEMPLATE, reveal_url_prefix=REVEAL, reveal_theme=STYLE.stem)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = exporter.exclude_anchor_links = True
    page, _ = exporter.from_notebook_node(notebook)
    (folder / f"{copy.stem}.html").write_text(page, encoding="utf-8")
    return opening.title


def slide(cell: nbformat.NotebookNode, kind: str) -> nbformat.NotebookNode:
    """Let a cell begin a slide: "slide" to the right of the one before, "subslide" below it."""
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def title_slide(opening: Section) -> list[nbformat.NotebookNode]:
    """Return the title, what the notebook is about, and what one will learn."""
    first, facts = (cell.source for cell in opening.cells[:2])
    paragraphs = [text for text in first.split("\n\n") if "colab" not in text]
    paragraphs += facts.split("\n\n")[:2]  # what you will learn
    return [slide(new_markdown_cell("\n\n".join(paragraphs)), "slide")]


def section_slides(section: Section) -> list[nbformat.NotebookNode]:
    """Return the slides of a section: its prose, its code, and what the code shows, one below the other."""
    slides = []
    for cell in section.cells:
        if cell.cell_type == "markdown":
            slides.append(cell)
        elif not cell.source.startswith((FOLDED, "drawing(")):
            code = cell.source.removeprefix("# NBVAL_CHECK_OUTPUT\n")  # is meant for a test
            slides.append(nbformat.from_dict({**cell, "source": code, "outputs": [], "id": f"{cell.id}-code"}))
        if cell.get("outputs"):
            slides.append(nbformat.from_dict({**cell, "metadata": {"transient": {"remove_source": True}}}))
    return [slide(cell, "subslide" if index else "slide") for index, cell in enumerate(slides)]


def formulas(text: str) -> str:
    """Return Markdown with its formulas as MathML, in which no sign has a meaning for Markdown."""

    def convert(match: re.Match, display: str) -> str:
        return re.sub(r"[*_`\\[\]]", lambda sign: f"&#{ord(sign[0])};", mathml(html.escape(match[1]), display))

    def both(part: str) -> str:
        part = re.sub(r"\$\$(.+?)\$\$", lambda match: convert(match, "block"), part, flags=re.DOTALL)
        return re.sub(r"\$(.+?)\$", lambda match: convert(match, "inline"), part, flags=re.DOTALL)

    return without_code(text, both)


def show_outputs(cells: list[nbformat.NotebookNode], media: Media) -> None:
    """Replace the outputs by the HTML that the website shows, with pictures and sounds as files."""
    shown = [output for cell in cells for output in cell.outputs]
    plain = [output for output in shown if "text/markdown" not in output.get("data", {})]
    for output, text in zip(plain, last_scripts_only([output_html(output, media) for output in plain]), strict=True):
        output.clear()
        output.update(new_output("display_data", {"text/html": text}))


if __name__ == "__main__":
    main()
