"""What a store's folder holds beside the samples: where each recording lies, what it is, and what was left out."""

import json
from itertools import pairwise
from pathlib import Path

from hypersound_lib.errors import ConfigError, DatasetError, check_sample_rate

SAMPLES_FILE = "samples.int16"
INDEX_FILE = "index.json"
FORMAT = 1


def read_index(folder: Path) -> dict:
    """Return the index of the store in a folder: `sample_rate`, `source`, `offsets`, `names`, `speakers` and `faults`.

    Raises:
        DatasetError: it is missing, is damaged, or is of another format.
    """
    path = folder / INDEX_FILE
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] == FORMAT:
            index = {"faults": []} | index  # which the first ones do not tell
            _check(index)
            return index
        problem = f"has format {index['format']}, this library reads {FORMAT}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ConfigError) as error:
        problem = f"cannot be read ({type(error).__name__}: {error})"
    raise DatasetError(f"{path}: {problem}. Delete {folder} and build the store again with build_store.")


def _check(index: dict) -> None:
    """Raise KeyError, ConfigError or ValueError where a field is missing or no such index is ever written."""
    check_sample_rate(index["sample_rate"])
    kinds = {"source": str, "offsets": list, "names": list, "speakers": list, "faults": list}
    if wrong := [name for name, kind in kinds.items() if not isinstance(index[name], kind)]:
        raise ValueError(f"{', '.join(wrong)} of another type")
    offsets, names, speakers = index["offsets"], index["names"], index["speakers"]
    if any(type(offset) is not int for offset in offsets) or not 1 < len(offsets) == len(names) + 1:
        raise ValueError("offsets are one whole number more than names")
    if offsets[0] or offsets[-1] >= 2**62 or any(first > second for first, second in pairwise(offsets)):
        raise ValueError("offsets rise from 0")
    if len(speakers) != len(names) or not all(isinstance(text, str) for text in names + speakers + index["faults"]):
        raise ValueError("names, speakers and faults are texts, and the first two of one number")
