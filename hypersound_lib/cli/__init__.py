"""The command line: one recording to an INR and back, a model from a corpus, and any sound through that model, also as
a small file.

Each command has a module, with `add_parser` and `run`. What is heavy is imported inside functions, so that `--help`
need not wait for it.
"""

import argparse
import sys
from collections.abc import Callable

from hypersound_lib.cli import compress, decompress, evaluate, fit, info, reconstruct, render, reproduce, train
from hypersound_lib.errors import HyperSoundError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 2 for an error that the user can remedy, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int | None] = options.run
    try:
        return run(options) or 0
    except (HyperSoundError, FloatingPointError) as error:
        print(f"hypersound: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hypersound: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"hypersound: {_in_words(error)}", file=sys.stderr)
        return 2


def _in_words(error: OSError) -> str:
    from hypersound_lib.data.os_errors import explain_os_error, is_disk_full

    if is_disk_full(error):
        return explain_os_error(error, error.filename or ".")
    return f"{error.filename or ''}: {error.strerror or error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hypersound", description="Sounds as the weights of small networks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (fit, render, train, reconstruct, compress, decompress, info, evaluate, reproduce):
        command.add_parser(commands)
    return parser
