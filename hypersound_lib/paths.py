"""Where data lives: embedded in the package or clone, or cached per user."""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def embedded_data(name: str = "") -> Path:
    """Return the folder of data that ships with the library, from a clone and from a wheel alike.

    A clone keeps it in ``data/`` beside the package; a wheel carries a copy inside the package. Neither
    depends on the working directory.

    Args:
        name: a folder or file inside it, such as ``"mini"``; empty for the whole.

    Raises:
        FileNotFoundError: neither place holds it, which means that the installation is damaged.

    >>> embedded_data("mini").name
    'mini'
    """
    candidates = [_PACKAGE / "_data" / name, _PACKAGE.parent / "data" / name]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError(
        f"embedded data {name!r} is in none of {[str(c) for c in candidates]}; reinstall hypersound-lib"
    )


def cache_dir() -> Path:
    """Return the folder for downloads: ``$HYPERSOUND_CACHE`` if set, else the user's cache folder."""
    override = os.environ.get("HYPERSOUND_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("hypersound_lib", appauthor=False))
