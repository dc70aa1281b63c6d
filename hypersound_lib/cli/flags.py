"""Flags of a command from the fields of a config: a field's name, type, choices and comment are its flag's.

A flag that is left out sets nothing, so that a command can tell what was given from what was not.
"""

import argparse
import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

_METAVARS = {int: "N", float: "X", str: "TEXT"}


def whole(text: str) -> int:
    """Read a whole number that 64 bits hold, as what computes with it wants."""
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{text} is too large a whole number: from -2^63 to 2^63 - 1")
    return value


def finite(text: str) -> float:
    """Read a number that is neither NaN nor infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is no finite number")
    return value


NUMBERS: dict[type, Callable[[str], Any]] = {int: whole, float: finite}


def add_flags(
    parser: argparse._ActionsContainer,
    config: type,
    prefix: str = "",
    *,
    skip: Collection[str] = (),
    names: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> None:
    """Add a flag for each field of a dataclass, but for those to `skip`: `--batch-size N` for `batch_size: int`.

    Fields may be numbers, strings, given strings (`Literal`), a bool or None (`--x`, `--no-x`), tuples of numbers or
    strings (`--x 1 2 3`), and a number, a string or None (`--x none`).

    Args:
        parser: a parser, or a group of one.
        prefix: of the flags' names, such as `loss_`.
        names: flags that are not called as their fields.
        defaults: not None: say in the help what holds without the flag; what it lacks is the field's own default.

    Raises:
        TypeError: a field is of another type.
    """
    hints, helps = get_type_hints(config), comments(config)
    for field in fields(config):
        if field.name in skip:
            continue
        flag = (names or {}).get(field.name, f"--{prefix}{field.name}".replace("_", "-"))
        text = helps.get(field.name, "")
        if defaults is not None:
            text += f" (default: {defaults.get(field.name, field.default)})"
        reading = _reading(hints[field.name]) | {"dest": prefix + field.name, "default": argparse.SUPPRESS}
        parser.add_argument(flag, help=text.replace("%", "%%"), **reading)


def given_fields(options: argparse.Namespace, config: type, prefix: str = "") -> dict[str, Any]:
    """Return the fields of a dataclass whose flags were given, by name."""
    names = [field.name for field in fields(config)]
    given = {name: getattr(options, prefix + name) for name in names if prefix + name in options}
    # argparse knows lists, and a frozen config tuples.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def comments(config: type) -> dict[str, str]:
    """Return what a class says of its fields in comments: at the end of a field's line, or on the lines above it."""
    found: dict[str, str] = {}
    above: list[str] = []
    with suppress(OSError):  # installed without its source
        for line in inspect.getsource(config).splitlines():
            said = line.partition("  # ")[2]
            if field := re.match(r" +(\w+): ", line):
                found[field[1]] = " ".join([*above, said]).strip()
            above = [*above, said] if line.lstrip().startswith("#") else []
    return found


def _reading(hint: Any) -> dict[str, Any]:
    """Return how argparse reads a value of a type."""
    if hint in (bool, bool | None):
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is tuple:
        return {**_reading(get_args(hint)[0]), "nargs": "+"}
    kind, *others = [option for option in get_args(hint) or (hint,) if option is not NoneType]
    if others or kind not in _METAVARS:
        raise TypeError(f"no flag can hold {hint}: skip the field, and add its flags by hand")
    if kind is hint:
        return {"type": kind, "metavar": _METAVARS[kind]}
    return {"type": _or_none(kind), "metavar": f"{_METAVARS[kind]}|none"}


def _or_none(kind: type) -> Callable[[str], Any]:
    """Return what reads a value of a type, or the word none."""

    def read(text: str) -> Any:
        if text == "none":
            return None
        try:
            return NUMBERS.get(kind, kind)(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is neither {kind.__name__} nor none") from error

    return read
