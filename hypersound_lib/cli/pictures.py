"""Pictures that a command draws, with the circumstances of their making in the PNG's own description."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hypersound_lib.files import atomic_path
from hypersound_lib.provenance import provenance

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.figure import Figure


def save_picture(path: Path, fig: "Figure", seed: int) -> None:
    """Write a figure as PNG; it appears whole or not at all."""
    origin = provenance(shlex.join(["hypersound", *sys.argv[1:]]), seed)
    with atomic_path(path) as temporary:
        fig.savefig(temporary, metadata={"Description": json.dumps(origin)})
