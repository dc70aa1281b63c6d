"""What MkDocs calls while it builds the site: the order of the pages, the notebooks' outputs, formulas as MathML."""

import html
import json
import re
from pathlib import Path

from latex2mathml.converter import convert
from links import SOURCE

PARTS = Path(__file__).resolve().parents[1] / "build" / "pages.json"
_SEARCH = 'data-md-component="search" role="dialog"'
_OUTPUT = re.compile(r'<div data-output="(\d+)"></div>')
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_config(config):
    """Take the order of the pages from docs/build.py: which notebooks there are is known only then.

    And the addresses from pyproject.toml, so that they stand in one place.
    """
    owner, name = SOURCE.split("/")[-2:]
    config.site_url = config.site_url or f"https://{owner.lower()}.github.io/{name}/"
    config.extra["social"][0]["link"] = SOURCE
    parts = json.loads(PARTS.read_text(encoding="utf-8"))
    config.nav, config.extra["outputs"] = parts["nav"], parts["outputs"]
    return config


def on_page_content(content, page, config, files):
    """Put a notebook's outputs into their places, and make MathML of the formulas."""
    outputs = config.extra["outputs"].get(page.file.src_uri, [])
    content = _INLINE.sub(lambda match: mathml(match[1], "inline"), content)
    content = _BLOCK.sub(lambda match: f'<div class="formula">{mathml(match[1], "block")}</div>', content)
    return _OUTPUT.sub(lambda match: outputs[int(match[1])], content)


def on_post_page(output, page, config):
    """Give the search a name, for those who hear the page: the theme leaves its dialogue without one."""
    return output.replace(_SEARCH, f'{_SEARCH} aria-label="Search"')


def on_post_template(output_content, template_name, config):
    """Do the same on the page that says that there is no such page."""
    return output_content.replace(_SEARCH, f'{_SEARCH} aria-label="Search"')


def mathml(escaped: str, display: str) -> str:
    """Return a formula, whose LaTeX was escaped for HTML, as MathML: browsers draw it without a script."""
    return convert(html.unescape(escaped).strip(), display=display)
