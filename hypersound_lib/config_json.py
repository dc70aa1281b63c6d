"""Dataclasses from JSON: every field is checked against its annotation, so that a damaged file is told from a whole."""

import dataclasses
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from hypersound_lib.errors import ConfigError

T = TypeVar("T")

# Far beyond what is of use. A model within these and the limits of its config takes seconds to build, not hours.
MOST_SAMPLES = 2**28  # an hour and a half at 48 kHz


def from_json(kind: type[T], data: Any, where: str = "") -> T:
    """Return the dataclass that `to_json` and `json` have turned into `data`.

    Fields may be numbers, strings, some given ones (`Literal`), tuples of these, other dataclasses, or one of them or
    None. One of several dataclasses has a `kind`: its name without "Config". A field that `data` lacks takes its
    default, so that a file from before the field existed can still be read. `where` is the name of the field that holds
    it, for messages.

    Raises:
        ConfigError: a field is unknown or lacking, or a value is of the wrong type or impossible.

    >>> from hypersound_lib.hypersound.encoder import EncoderConfig
    >>> from_json(EncoderConfig, {"strides": [4, 8]}).strides
    (4, 8)
    >>> from_json(EncoderConfig, {"strides": "48"})
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: strides must be tuple[int, ...], not '48'
    """
    if not isinstance(data, dict):
        raise ConfigError(
            f"{where or kind.__name__} must be an object with the fields of {kind.__name__}, not {data!r}"
        )
    hints = get_type_hints(kind)
    if unknown := sorted(set(data) - {field.name for field in dataclasses.fields(cast(Any, kind))}):
        raise ConfigError(f"{where or kind.__name__} has unknown fields {unknown}")
    prefix = f"{where}." if where else ""
    values = {name: _value(hints[name], value, prefix + name) for name, value in data.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where or kind.__name__}: {error}") from error


def to_json(config: Any) -> dict[str, Any]:
    """Return a dataclass as nested dictionaries; one that its field's annotation has beside others names its `kind`.

    Raises:
        ConfigError: it is none of those; a subclass of one is none either, as it would be read as another thing.

    >>> from hypersound_lib.hypersound.model import HyperSoundConfig
    >>> to_json(HyperSoundConfig())["target"]["kind"]
    'FourierMLP'
    """
    hints, data = get_type_hints(type(config)), {}
    for field in dataclasses.fields(config):
        value, kinds = getattr(config, field.name), _kinds(hints[field.name])
        data[field.name] = to_json(value) if dataclasses.is_dataclass(value) else value
        if kinds:
            if type(value) not in kinds.values():
                known = ", ".join(kind.__name__ for kind in kinds.values())
                raise ConfigError(f"{field.name} must be one of {known}: {value!r}")
            data[field.name] = {"kind": _name_of(type(value)), **data[field.name]}
    return data


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_json(hint, value, where)
    if (kinds := _kinds(hint)) and isinstance(value, dict):
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise ConfigError(f"{where}.kind must be one of {', '.join(kinds)}, not {kind!r}")
        return from_json(kinds[kind], {name: item for name, item in value.items() if name != "kind"}, where)
    if NoneType in get_args(hint):
        if value is None:
            return None
        (hint,) = (option for option in get_args(hint) if option is not NoneType)
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise ConfigError(f"{where} must be one of {', '.join(map(repr, get_args(hint)))}, not {value!r}")
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_value(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint:  # isinstance would take True for the number 1
        return value
    name = str(hint) if get_args(hint) else hint.__name__
    raise ConfigError(f"{where} must be {name}, not {value!r}")


def _kinds(hint: Any) -> dict[str, Any]:
    """Return the dataclasses that a union offers, if there are several, by the names that files have for them."""
    kinds: dict[str, Any] = {_name_of(kind): kind for kind in get_args(hint) if dataclasses.is_dataclass(kind)}
    return kinds if len(kinds) > 1 else {}


def _name_of(kind: Any) -> str:
    return kind.__name__.removesuffix("Config")
