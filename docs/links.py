"""Links that work in the repository, rewritten for the website: to its pages, or else to the source on GitHub."""

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from markdown.extensions.toc import slugify

ROOT = Path(__file__).resolve().parents[1]
SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]

_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_COLAB = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")
_TARGET = re.compile(r"(\]\()([^)\s]+)(\))")


class Links:
    """Where the files of the repository are found on the website."""

    def __init__(self, pages: dict[str, str]):
        """Take file of the repository -> page, both as paths from the root of either."""
        self.pages = pages
        self.missing: list[str] = []

    def rewrite(self, text: str, source: str, page: str) -> str:
        """Return the Markdown of the file `source` with its links made for `page`."""
        text = without_code(text, lambda part: _COLAB.sub(r"[Open in Colab](\1){ .colab }", part))

        def renewed(match: re.Match) -> str:
            return match[1] + self.target(match[2], source, page) + match[3]

        return without_code(text, lambda part: _TARGET.sub(renewed, part))

    def target(self, target: str, source: str, page: str) -> str:
        """Return where one link of `source` leads on `page`.

        A notebook is opened on Colab, too, so it links to a text by the text's address on GitHub.
        """
        inside = target.removeprefix(f"{SOURCE}/blob/main/")
        if inside in self.pages and inside != source:
            return os.path.relpath(self.pages[inside], PurePosixPath(page).parent)
        if re.match(r"[a-z]+:", target):
            return target
        path, _, anchor = target.partition("#")
        # Jupyter's anchors are the heading with dashes for spaces; MkDocs makes them lower case, and leaves out signs.
        fragment = "#" + slugify(unquote(anchor).replace("-", " "), "-") if anchor else ""
        if not path:
            return fragment
        file = os.path.normpath(PurePosixPath(source).parent / path)
        if file in self.pages:
            return os.path.relpath(self.pages[file], PurePosixPath(page).parent) + fragment
        if not (ROOT / file).exists():
            self.missing.append(f"{source} links to {target}, which is not there")
        kind = "tree" if (ROOT / file).is_dir() else "blob"
        return f"{SOURCE}/{kind}/main/{file}{'#' + anchor if anchor else ''}"

    def check(self) -> None:
        """Raise SystemExit if a link led to a file that the repository lacks."""
        if self.missing:
            raise SystemExit("\n".join(self.missing))


def without_code(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the parts of a Markdown text that are not code."""
    parts = _CODE.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))
