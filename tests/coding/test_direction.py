"""Writing a file needs nothing that plays one, and playing it nothing that chooses what is sent."""

import sys
from pathlib import Path

import pytest

import hypersound_lib
from tests.local.small import RATE, make_model, sound

LIBRARY = Path(hypersound_lib.__file__).parent
WRITES = {"coding/compression.py"}
PLAYS = {"coding/decompression.py", "local/hypernetwork.py", "local/target.py", "local/frames.py"}


def files_entered(function, *arguments, **settings):
    """Call a function, and return its result and the files of the library whose code ran."""
    entered = set()

    def note(frame, event, _):
        if event == "call":
            entered.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        result = function(*arguments, **settings)
    finally:
        sys.setprofile(None)
    inside = [Path(name) for name in entered if Path(name).is_relative_to(LIBRARY)]
    return result, {path.relative_to(LIBRARY).as_posix() for path in inside}


@pytest.mark.parametrize("setting", [{"kbps": 20}, {"quality": 8}], ids=str)
def test_the_encoder_never_calls_the_decoder_nor_the_decoder_the_encoder(setting):
    model = make_model()
    model.identity()
    data, writing = files_entered(model.compress, sound(3000), RATE, **setting)
    _, playing = files_entered(model.decompress, data)
    assert writing >= WRITES
    assert not writing & PLAYS
    assert playing >= PLAYS
    assert not playing & WRITES
