"""Build the website into build/site/ from the executed notebooks in build/notebooks/: ``python docs/build.py``.

It gathers the pages as Markdown in build/pages/, and MkDocs makes the site of them. No notebook is run: `make
tutorial` does that. A notebook without an executed copy has no page, and links to it lead to its source.
"""

import argparse
import json
import logging
import shutil
from pathlib import Path

import course
import reference
from links import ROOT, Links
from mkdocs.commands.build import build
from mkdocs.config import load_config
from outputs import Media

COPIES = ROOT / "build" / "notebooks"
PAGES = ROOT / "build" / "pages"
PARTS = ROOT / "build" / "pages.json"  # what docs/hooks.py puts into the pages
TEXTS = {  # a file of the repository -> its page
    "docs/index.md": "index.md",
    "docs/extending.md": "extending.md",
    "docs/scaling.md": "scaling.md",
    "docs/lecturers.md": "lecturers.md",
    "docs/glossary.md": "glossary.md",
    "data/README.md": "models/corpus.md",
    "data/results/README.md": "results.md",
    "CHANGELOG.md": "changelog.md",
}
PICTURES = {"data/results/unseen_voice/copy.png": "assets/copy.png"} | {  # a file of the repository -> its copy
    f"data/results/{name}": f"assets/{name}" for name in ("rate.png", "learning.svg", "speed.svg", "table1.svg")
}
MADE = ("notebooks/index.md", "library/index.md", "models/index.md")  # pages without a file of their own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=Path, default=COPIES, help="folder of the executed notebooks")
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "site", help="folder of the website")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")  # what a strict build ends at
    gather(options.copies)
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(options.site.resolve())))
    print(f"{options.site}/index.html is the front page; see it with: python -m http.server -d {options.site}")


def gather(copies: Path) -> None:
    """Write all pages as Markdown into build/pages/, and beside them their order and the notebooks' outputs."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "assets", PAGES / "assets")
    for picture, copy in PICTURES.items():
        shutil.copy(ROOT / picture, PAGES / copy)
    notebooks = course.find(copies)
    cards = sorted((ROOT / "data" / "checkpoints").glob("*/README.md"))
    pages = TEXTS | {f"notebooks/{path.name}": course.page_of(path) for path in notebooks}
    pages |= {card.relative_to(ROOT).as_posix(): f"models/{card.parent.name}.md" for card in cards}
    links = Links(pages | {f"docs/{page}": page for page in MADE} | PICTURES)

    outputs = {course.page_of(path): course.write(path, PAGES, links) for path in notebooks}
    outputs["index.md"] = [course.unseen_voice(Media(PAGES / "media", "media"))]
    for source, page in pages.items():
        if source.endswith(".md"):
            text = course.prose((ROOT / source).read_text(encoding="utf-8"))
            write(page, links.rewrite(text, source, page))
    write("notebooks/index.md", course.overview(links))
    for card in cards:
        name_card(PAGES / f"models/{card.parent.name}.md", card.parent.name)
    write("models/index.md", models([card.parent.name for card in cards]))
    modules = reference.write(PAGES / "library")
    for alone in ("extending.md", "scaling.md", "lecturers.md", "results.md", "changelog.md"):  # have no neighbours
        write(alone, "---\nhide: [navigation]\n---\n\n" + (PAGES / alone).read_text(encoding="utf-8"))
    links.check()

    nav = [
        {"Start": "index.md"},
        {"Notebooks": ["notebooks/index.md", *map(course.page_of, notebooks), "glossary.md"]},
        {"Library": ["library/index.md", *modules]},
        {"Models": ["models/index.md", *(f"models/{card.parent.name}.md" for card in cards), "models/corpus.md"]},
        {"Results": "results.md"},
        {"Extending": "extending.md"},
        {"On GPUs": "scaling.md"},
        {"For lecturers": "lecturers.md"},
        {"Changelog": "changelog.md"},
    ]
    PARTS.write_text(json.dumps({"nav": nav, "outputs": outputs}), encoding="utf-8")


def write(page: str, text: str) -> None:
    path = PAGES / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def models(names: list[str]) -> str:
    """Return the page that lists the shipped models."""
    rows = "\n".join(f"- [`{name}`]({name}.md)" for name in names)
    return (
        "# Models\n\nThese come with the library: `load_model(name)` loads one. Each card tells its "
        f"size, its training data and what to expect.\n\n{rows}\n\n"
        "All can be tried on [the embedded corpus](corpus.md), which has a card of its own.\n"
    )


def name_card(path: Path, name: str) -> None:
    """Give a model card's page the model's name for a title: all cards share one heading."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n# HyperSound\n", f"\n# {name}\n", 1), encoding="utf-8")


if __name__ == "__main__":
    main()
