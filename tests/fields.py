"""Other values of a config's fields, made up from their types: what is added to a config is tested without a change."""

from types import NoneType
from typing import Literal, get_args, get_origin


def other_values(hint, value):
    """Return values of a field's type that differ from its default; some may be impossible."""
    options = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    if get_origin(hint) is Literal:
        return [option for option in get_args(hint) if option != value]
    if get_origin(hint) is tuple:
        (item, _) = get_args(hint)
        return [(*value, *(value[-1:] or other_values(item, item()))), value[:-1]]
    if value is None:
        value = options[0]()
    return {
        bool: lambda: [not value],
        int: lambda: [value + 1, 2 * value, value // 2],
        float: lambda: [value / 2 + 0.1],
        str: lambda: ["mel_stft", f"{value}x"],
    }[options[0]]()
