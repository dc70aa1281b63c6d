"""An index that no store has written is refused, whichever of its fields is wrong."""

import json

import numpy as np
import pytest
import soundfile

from hypersound_lib.data import Recording, build_store, open_store
from hypersound_lib.errors import DatasetError


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": None},
        {"offsets": []},
        {"offsets": [0]},
        {"offsets": [0, 1.5, 3]},
        {"offsets": [0, 5, 3]},
        {"offsets": [-1, 5, 8]},
        {"offsets": [0, 5, 10**30]},
        {"names": ["a"]},
        {"names": "ab"},
        {"speakers": [1, 2]},
        {"sample_rate": "16000"},
        {"source": 3},
        {"faults": [3]},
    ],
)
def test_an_index_is_checked_field_by_field(tmp_path, change):
    folder = tmp_path / "store"
    recordings = [Recording(tmp_path / f"{number}.wav") for number in range(2)]
    for recording in recordings:
        soundfile.write(recording.path, np.full(9, 0.1), 16000)
    build_store(recordings, 16000, folder)
    index = json.loads((folder / "index.json").read_text()) | change
    (folder / "index.json").write_text(json.dumps({name: value for name, value in index.items() if value is not None}))
    for use in (lambda: open_store(folder), lambda: build_store(recordings, 8000, folder)):
        with pytest.raises(DatasetError, match=r"index\.json: cannot be read .*Delete .*store and build"):
            use()
