"""Writing a file needs nothing that plays one, and playing it nothing that chooses what is sent."""

import sys
from pathlib import Path

import pytest

import hypersound_lib
from tests.local.small import RATE, make_model, sound

LIBRARY = Path(hypersound_lib.__file__).parent
WRITES = {"coding/compression.py", "coding/segments.py", "SideEncoder", "CodedWaves.quantise"}
PLAYS = {"coding/decompression.py", "local/target.py", "Generator", "CodedWaves.generate"}


def entered_by(function, *arguments, **settings):
    """Call a function, and return its result and whose code ran: files of the library, classes in them, and methods."""
    entered = set()

    def note(frame, event, _):
        if event == "call":
            entered.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    sys.setprofile(note)
    try:
        result = function(*arguments, **settings)
    finally:
        sys.setprofile(None)
    inside = [(Path(file), name) for file, name in entered if Path(file).is_relative_to(LIBRARY)]
    files = {file.relative_to(LIBRARY).as_posix() for file, _ in inside}
    return result, files | {name for _, name in inside} | {name.partition(".")[0] for _, name in inside}


@pytest.mark.parametrize("setting", [{"kbps": 20}, {"quality": 8}], ids=str)
def test_the_encoder_never_calls_the_decoder_nor_the_decoder_the_encoder(setting):
    model = make_model()
    model.identity()
    data, writing = entered_by(model.compress, sound(3000), RATE, **setting)
    _, playing = entered_by(model.decompress, data)
    assert writing >= WRITES
    assert not writing & PLAYS
    assert playing >= PLAYS
    assert not playing & WRITES
