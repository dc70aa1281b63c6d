"""Bars for those who watch; where nobody can, as in a pipe or a log file, a line a minute."""

import sys

from tqdm.auto import tqdm

_LINE_SECONDS = 60.0


def progress_bar(**options: object) -> tqdm:
    """Return a bar of tqdm, which takes the options; without a terminal or notebook, one that writes lines instead."""
    if sys.stderr.isatty() or _in_notebook():
        return tqdm(**options)
    return tqdm(**options, file=_Lines(), mininterval=_LINE_SECONDS)


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


class _Lines:
    """A file that writes each state of a bar, which returns to the line's beginning before it, as a line."""

    encoding = "ascii"  # so that tqdm draws with such characters

    def write(self, text: str) -> None:
        if shown := text.strip():
            print(shown, file=sys.stderr, flush=True)

    def flush(self) -> None:
        sys.stderr.flush()
