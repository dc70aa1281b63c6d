"""The command line: one recording to an INR and back, a model from a corpus, and any sound through that model, also as
a small file.

Each command is a module: its docstring, after the first colon, is its help; `add_options` and `run` are the rest.
"""

import argparse
import re
import sys
from importlib import import_module

from hypersound_lib import __version__
from hypersound_lib.cli.flags import NUMBERS
from hypersound_lib.errors import HyperSoundError, suggestion
from hypersound_lib.files import explain_os_error, is_disk_full

COMMANDS = ("fit", "render", "train", "reconstruct", "compress", "decompress", "info", "evaluate", "reproduce")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 2 for an error that the user can remedy, 130 when interrupted."""
    _print_anything()
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        message, status = "interrupted", 130
    except (HyperSoundError, FloatingPointError) as error:
        message, status = str(error), 2
    except OSError as error:
        message, status = _in_words(error), 2
    print(f"hypersound: {message}", file=sys.stderr)
    return status


def _print_anything() -> None:
    """Let no character end a command: what the output's encoding lacks is printed as its number, such as \\u2191."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _in_words(error: OSError) -> str:
    if is_disk_full(error):
        return explain_os_error(error, error.filename or ".")
    return f"{error.filename or ''}: {error.strerror or error}"


class _Parser(argparse.ArgumentParser):
    """One that asks whether a like option, command or choice was meant, and whose numbers are finite."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for kind, read in NUMBERS.items():
            self.register("type", kind, read)

    def parse_known_args(self, args=None, namespace=None):
        for text in sys.argv[1:] if args is None else args:
            if re.fullmatch("--[a-z-]+=--", text):  # of which argparse makes an empty list
                self.error(f"{text}: -- is no value")
        options, unknown = super().parse_known_args(args, namespace)
        for name in (text.partition("=")[0] for text in unknown if text.startswith("--")):
            hint = suggestion(name, self._option_string_actions)
            self.error(f"{name} is no option of this command; {hint}--help lists all")
        return options, unknown

    def error(self, message):
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            known = re.findall(r"[\w-]+", found[2])
            message = "; ".join([message, suggestion(found[1], known)]).rstrip("; ")
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hypersound", description="Sounds as the weights of small networks.")
    parser.add_argument("--version", action="version", version=f"hypersound {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = import_module(f"{__name__}.{name}")
        usage, _, description = (command.__doc__ or "").partition("\n\n")
        own = commands.add_parser(name, help=usage.partition(": ")[2].rstrip("."), description=description)
        command.add_options(own)
        own.set_defaults(run=command.run)
    return parser
