"""What an executed cell shows, as HTML for a page: pictures and sounds as files, text in a box that scrolls."""

import base64
import hashlib
import re
from pathlib import Path

from nbconvert.filters import ansi2html

WIDGET = "application/vnd.jupyter.widget-view+json"
ENDINGS = {"image/png": "png", "audio/flac": "flac", "audio/ogg": "ogg", "audio/wav": "wav"}
NEEDS_KERNEL = (
    '<p class="needs-kernel">This control needs a running notebook: open the notebook in Colab, '
    "or in JupyterLab with <code>make lab</code>.</p>"
)
_DATA = re.compile(r"data:((?:image|audio)/[a-z]+);base64,([A-Za-z0-9+/=]+)")
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)


class Media:
    """A folder for pictures and sounds, named by their content: what is shown twice is stored once."""

    def __init__(self, folder: Path, address: str):
        """Take the folder, and its address as seen from the page."""
        self.folder, self.address = folder, address

    def extract(self, html: str) -> str:
        """Return `html` with the pictures and sounds that it holds written to files."""
        return _DATA.sub(self._write, html)

    def _write(self, match: re.Match) -> str:
        if match[1] not in ENDINGS:
            return match[0]
        data = base64.b64decode(match[2])
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{ENDINGS[match[1]]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        return f"{self.address}/{name}"


def output_html(output: dict, media: Media) -> str:
    """Return one output of a cell as HTML.

    Raises:
        ValueError: it is an error, or a picture without a text that says what it shows.
    """
    if output["output_type"] == "error":
        raise ValueError(f"a cell failed with {output['ename']}: {output['evalue']}")
    if output["output_type"] == "stream":
        return text_html(output["text"])
    data = output["data"]
    if "text/html" in data:
        return f'<div class="output">{media.extract(data["text/html"])}</div>'
    if WIDGET in data:
        return NEEDS_KERNEL
    if pictures := [kind for kind in data if kind.startswith("image/")]:
        raise ValueError(f"a cell shows {pictures[0]} without a text: use hypersound_lib.notebook.plots.show")
    return text_html(data["text/plain"])


def text_html(text: str) -> str:
    """Return printed text as HTML, colours included."""
    return f'<pre class="output printed">{ansi2html(text)}</pre>'


def last_scripts_only(outputs: list[str]) -> list[str]:
    """Leave of equal scripts of a page only the last one: it serves all elements before it."""
    seen: set[str] = set()

    def keep(match: re.Match) -> str:
        if match[0] in seen:
            return ""
        seen.add(match[0])
        return match[0]

    backwards = [_SCRIPT.sub(keep, html) for html in reversed(outputs)]
    return backwards[::-1]
